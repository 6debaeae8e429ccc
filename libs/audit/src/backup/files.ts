// What a backup of an embedded installation consists of, and how a file is known again.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
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
