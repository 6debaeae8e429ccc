// Locks on files, for work that must not be done twice at once. The end of the process, however it comes, gives them back:
// it is SQLite that holds them.
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { LogLocked } from './embedded.js'
import { LOG_FILE } from './reading.js'

/**
 * Takes the lock of an embedded log, the one that the service's writer has, until the function that it resolves with is
 * called, or the process ends.
 * @throws LogLocked a service runs on these files
 */
export async function lockLog(dataDir: string): Promise<() => void> {
  const file = join(dataDir, LOG_FILE)
  const unlock = takeLock(`${file}.lock`)
  if (!unlock) throw new LogLocked(file)
  return unlock
}

/** Takes a lock in a file of its own, which is made and stays. Undefined: somebody else has it. */
export function takeLock(file: string): (() => void) | undefined {
  const side = new Database(file, { timeout: 0 })
  try {
    side.exec('BEGIN EXCLUSIVE')
    return () => side.close()
  } catch (error) {
    side.close()
    if ((error as { code?: unknown }).code !== 'SQLITE_BUSY') throw error
    return undefined
  }
}
