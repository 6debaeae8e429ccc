// What a backup of an embedded installation consists of, and how a file is known again.
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LOG_FILE } from '@assistant-ledger/event-log'

export const MANIFEST = 'backup.json'
export const BACKUP_FORMAT = 1

/** What is kept beside the log: all else comes back from it, or is set where the service is started. */
export const KEPT = [LOG_FILE, 'ledger-signing-key.pem', 'ledger-signing-key.pub.pem'] as const

/** The content of the manifest. */
export interface Manifest {
  readonly format: number
  readonly taken_at: string
  readonly project: string
  readonly log_id: string
  readonly epoch: number
  /** Events of the project, and the last one's position. */
  readonly events: number
  readonly position: string
  /** SHA-256 of each file, lower-case hex. */
  readonly files: Readonly<Record<string, string>>
}

/** What is in the way of a backup or a restore. One line, with what to do. */
export class BackupRefused extends Error {
  override readonly name = 'BackupRefused'
}

/** Says beside a restored log that no service has begun an epoch on it yet. */
const RESTORED = 'restored.json'

/** Notes that the log in this directory was put back from a backup. */
export async function markRestored(dataDir: string, { taken_at, position }: Manifest): Promise<void> {
  const file = join(dataDir, RESTORED)
  await writeFile(file, `${JSON.stringify({ taken_at, position })}\n`, { mode: 0o600 })
  await syncPath(file)
}

/**
 * Whether the log in this directory was put back from a backup and has no epoch of its own since: what was published and
 * applied beyond its end must not be taken for newer than what it records from here on, and NATS need not know of it.
 */
export const isRestored = (dataDir: string): boolean => existsSync(join(dataDir, RESTORED))

/** Called when the log has its new epoch. */
export const forgetRestored = (dataDir: string): Promise<void> => rm(join(dataDir, RESTORED), { force: true })

export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file, { highWaterMark: 1024 * 1024 }))
    hash.update(piece as Buffer)
  return hash.digest('hex')
}

/** Returns when the disk has it. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
