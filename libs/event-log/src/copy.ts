// A copy of the embedded log as it is at one moment, while the service writes to it, and the look at whether such a copy is
// whole.
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { LogUnavailable } from './log.js'
import { LOG_FILE } from './reading.js'
import { FORMAT } from './schema.js'

/** Pages that are copied before others get the thread. */
const PAGES_AT_A_TIME = 2_000

/**
 * Copies the log into a new file. What is written meanwhile is not in it; until the end the log's write-ahead file grows
 * by that.
 * @param onProgress told how many pages of how many are done
 * @throws Error the signal's reason, or what SQLite failed with
 */
export async function copyLog(
  dataDir: string,
  to: string,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number, of: number) => void } = {},
): Promise<void> {
  const db = new Database(join(dataDir, LOG_FILE), { readonly: true, fileMustExist: true })
  try {
    // One view of the file for the whole copy: without it each write of the service would begin the copy anew.
    db.exec('BEGIN')
    db.prepare('SELECT count(*) FROM (SELECT 1 FROM events LIMIT 1)').get()
    await db.backup(to, {
      progress: ({ totalPages, remainingPages }) => {
        signal?.throwIfAborted()
        onProgress?.(totalPages - remainingPages, totalPages)
        return PAGES_AT_A_TIME
      },
    })
  } finally {
    db.close()
  }
  const copy = new Database(to)
  // A copy is one file: what has a write-ahead log beside it could lose it on its way.
  copy.pragma('journal_mode = DELETE')
  copy.close()
}

/**
 * Looks whether a file is a whole log.
 * @throws LogUnavailable one line of what is wrong with it
 */
export function checkLogFile(file: string): void {
  let db: Database.Database | undefined
  try {
    db = new Database(file, { readonly: true, fileMustExist: true })
    const format = db.pragma('user_version', { simple: true }) as number
    if (format > FORMAT) throw new Error(`its format is ${format}, and this version knows ${FORMAT}`)
    const [first] = db.pragma('integrity_check(1)') as { readonly integrity_check: string }[]
    if (first?.integrity_check !== 'ok') throw new Error(`SQLite finds: ${first?.integrity_check}`)
    db.prepare('SELECT position, stream_id, revision, id, type, data, metadata FROM events LIMIT 1').get()
  } catch (error) {
    throw new LogUnavailable(`${file} is no whole event log: ${(error as Error).message}`, { cause: error })
  } finally {
    db?.close()
  }
}
