// A backup of an embedded installation while it runs: its log as of one moment, checked, and its signing key. It grows in
// a folder of another name, so that a folder that has the name is whole.
import { copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { foldLedger, type Ledger, ledgerStream, timestamp } from '@assistant-ledger/assistant'
import { copyLog, LOG_FILE, type LogForReading, openLogForReading } from '@assistant-ledger/event-log'
import { lockPart } from '../part.js'
import { checkChains } from './check.js'
import {
  BACKUP_FORMAT,
  BackupRefused,
  KEPT,
  MANIFEST,
  type Manifest,
  sha256OfFile,
  syncPath,
} from './files.js'

export interface MoveOptions {
  readonly signal?: AbortSignal
  /** How much of a step is done. */
  readonly onProgress?: (step: 'copying' | 'checking', done: number, of: number) => void
}

/**
 * Backs a data directory up into a new folder.
 * @throws BackupRefused the folder is there already
 * @throws NoLog there is no log
 * @throws AlteredLog what is to be backed up was altered
 */
export async function backup(dataDir: string, folder: string, options: MoveOptions = {}): Promise<Manifest> {
  if (await hasSomething(folder))
    throw new BackupRefused(`${folder} is there already and has something in it: name a new folder`)
  // First of all, so that what is no log is said at once.
  await (await openLogForReading({ dataDir })).close()
  const part = `${folder.replace(/\/+$/, '')}.part`
  await mkdir(dirname(part), { recursive: true })
  const unlock = lockPart(part)
  if (!unlock) throw new BackupRefused(`another backup writes ${part}: name another folder`)
  try {
    await rm(part, { recursive: true, force: true })
    await mkdir(part, { mode: 0o700 })
    const manifest = await fill(dataDir, part, options)
    await syncPath(part)
    await rm(folder, { recursive: true, force: true })
    await rename(part, folder)
    await syncPath(dirname(part))
    return manifest
  } catch (error) {
    await rm(part, { recursive: true, force: true })
    throw error
  } finally {
    await unlock()
  }
}

async function fill(dataDir: string, part: string, { signal, onProgress }: MoveOptions): Promise<Manifest> {
  await copyLog(dataDir, join(part, LOG_FILE), {
    ...(signal ? { signal } : {}),
    onProgress: (done, of) => onProgress?.('copying', done, of),
  })
  for (const name of KEPT)
    if (name !== LOG_FILE) await copyFile(join(dataDir, name), join(part, name)).catch(ifMissing)
  const about = await checkedLog(part, {
    ...(signal ? { signal } : {}),
    ...(onProgress ? { onProgress } : {}),
  })
  for (const end of ['-wal', '-shm']) await rm(join(part, LOG_FILE + end), { force: true })
  const files: Record<string, string> = {}
  for (const name of await readdir(part)) {
    await syncPath(join(part, name))
    files[name] = await sha256OfFile(join(part, name))
  }
  const manifest = { format: BACKUP_FORMAT, taken_at: timestamp(Date.now()), ...about, files }
  await writeFile(join(part, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 })
  await syncPath(join(part, MANIFEST))
  return manifest
}

/** What a log says of itself, with all of it checked. @throws AlteredLog @throws NoLog */
export async function checkedLog(
  dataDir: string,
  { signal, onProgress }: MoveOptions,
): Promise<Pick<Manifest, 'project' | 'log_id' | 'epoch' | 'events' | 'position'>> {
  const log = await openLogForReading({ dataDir })
  try {
    const head = Number(await log.head())
    const { events, position } = await checkChains(log, {
      ...(signal ? { signal } : {}),
      onProgress: (at) => onProgress?.('checking', Number(at), head),
    })
    const { logId, epoch } = await ledgerOf(log)
    return { project: log.project, log_id: logId, epoch, events, position: String(position) }
  } finally {
    await log.close()
  }
}

async function ledgerOf(log: LogForReading): Promise<Ledger> {
  const events = []
  for await (const event of log.readStream(ledgerStream(log.project))) events.push(event)
  const ledger = foldLedger(events)
  if (!ledger) throw new BackupRefused(`the log has no beginning of project ${log.project}`)
  return ledger
}

const hasSomething = async (folder: string): Promise<boolean> =>
  ((await readdir(folder).catch(ifMissing)) ?? []).length > 0

function ifMissing(error: unknown): undefined {
  if ((error as { code?: unknown }).code === 'ENOENT') return undefined
  throw error
}
