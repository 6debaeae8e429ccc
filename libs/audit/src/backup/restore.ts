// A backup put back: copied beside, tested whole, and only then put in place, in a data directory that has no log and that
// nobody uses.
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkLogFile, LOG_FILE, lockLog } from '@assistant-ledger/event-log'
import { checkedLog, type MoveOptions } from './backup.js'
import {
  BACKUP_FORMAT,
  BackupRefused,
  KEPT,
  MANIFEST,
  type Manifest,
  markRestored,
  sha256OfFile,
  syncPath,
} from './files.js'

/** Where the copy is tested. */
const TESTED = 'restoring'
/** What SQLite has beside a file. A write-ahead log that an older file left would be written into the one put back. */
const BESIDE = ['-wal', '-shm', '-journal'] as const

/**
 * Restores a backup into a data directory. A service that starts there begins a new epoch.
 * @throws BackupRefused the backup is not whole or was altered, or the directory has a log
 * @throws LogLocked a service runs on the directory
 * @throws AlteredLog the log in it was altered before it was backed up
 */
export async function restore(folder: string, dataDir: string, options: MoveOptions = {}): Promise<Manifest> {
  const manifest = await manifestOf(folder)
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const unlock = await lockLog(dataDir)
  const tested = join(dataDir, TESTED)
  try {
    await mustHaveNoLog(dataDir, manifest)
    await rm(tested, { recursive: true, force: true })
    await mkdir(tested, { mode: 0o700 })
    for (const [name, hash] of Object.entries(manifest.files)) await copied(folder, tested, name, hash)
    await test(tested, manifest, options)
    await markRestored(dataDir, manifest)
    // The log last: a directory that has it has the rest.
    const names = Object.keys(manifest.files)
    for (const name of [...names.filter((one) => one !== LOG_FILE), LOG_FILE])
      await rename(join(tested, name), join(dataDir, name))
    await syncPath(dataDir)
    return manifest
  } finally {
    await rm(tested, { recursive: true, force: true })
    unlock()
  }
}

/** A key is let be where it is the backup's own: a restore that was broken off at its end has put it there. */
async function mustHaveNoLog(dataDir: string, { files }: Manifest): Promise<void> {
  for (const name of [...KEPT, ...BESIDE.map((end) => LOG_FILE + end)]) {
    const path = join(dataDir, name)
    if (!existsSync(path)) continue
    if (name !== LOG_FILE && files[name] !== undefined && (await sha256OfFile(path)) === files[name]) continue
    throw new BackupRefused(
      `${dataDir} has a ${name} already: restore into an empty folder, and see to the old one yourself`,
    )
  }
}

async function copied(folder: string, tested: string, name: string, hash: string): Promise<void> {
  const [from, to] = [join(folder, name), join(tested, name)]
  if (!existsSync(from)) throw new BackupRefused(`${folder} is no whole backup: it lacks ${name}`)
  await copyFile(from, to)
  if ((await sha256OfFile(to)) !== hash)
    throw new BackupRefused(`${from} is not what was backed up: its checksum differs`)
  await syncPath(to)
}

async function test(tested: string, manifest: Manifest, options: MoveOptions): Promise<void> {
  checkLogFile(join(tested, LOG_FILE))
  const found = await checkedLog(tested, options)
  for (const end of BESIDE) await rm(join(tested, LOG_FILE + end), { force: true })
  for (const [name, value] of Object.entries(found))
    if (manifest[name as keyof Manifest] !== value)
      throw new BackupRefused(
        `${MANIFEST} says ${name} ${manifest[name as keyof Manifest]}, the log ${value}`,
      )
}

async function manifestOf(folder: string): Promise<Manifest> {
  let manifest: Manifest
  try {
    manifest = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8'))
  } catch (error) {
    throw new BackupRefused(
      `${folder} is no backup: its ${MANIFEST} cannot be read (${(error as Error).message})`,
    )
  }
  if (manifest.format !== BACKUP_FORMAT)
    throw new BackupRefused(`${folder} has format ${manifest.format}; this version reads ${BACKUP_FORMAT}`)
  const known = new Set<string>(KEPT)
  const names = Object.keys(manifest.files ?? {})
  if (!names.includes(LOG_FILE) || names.some((name) => !known.has(name)))
    throw new BackupRefused(`${folder} is no backup: its ${MANIFEST} names other files than one has`)
  return manifest
}
