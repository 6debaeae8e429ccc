// The lock of an embedded log, for work on its files while no service runs: the one that the service's writer has.
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { LogLocked } from './embedded.js'
import { LOG_FILE } from './reading.js'

/**
 * Takes the lock until the function that it resolves with is called, or the process ends.
 * @throws LogLocked a service runs on these files
 */
export async function lockLog(dataDir: string): Promise<() => void> {
  const file = join(dataDir, LOG_FILE)
  const side = new Database(`${file}.lock`, { timeout: 0 })
  try {
    side.exec('BEGIN EXCLUSIVE')
    return () => side.close()
  } catch (error) {
    side.close()
    if ((error as { code?: unknown }).code !== 'SQLITE_BUSY') throw error
    throw new LogLocked(file)
  }
}
