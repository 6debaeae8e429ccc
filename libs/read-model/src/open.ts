// Opens the embedded read database: a file that can be deleted at any time, since the log has everything.
import { rm } from 'node:fs/promises'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { ReadModel } from './read-model.js'
import { createTables, PROJECTION_VERSION, type Tables } from './tables.js'

/** Opens the read model in `file`; one of another projection version is discarded and built anew. */
export async function openReadModel({
  file,
}: {
  readonly file: string
  readonly project: string
}): Promise<ReadModel> {
  const version = storedVersion(file)
  if (version !== undefined && version !== PROJECTION_VERSION)
    for (const suffix of ['', '-wal', '-shm']) await rm(`${file}${suffix}`, { force: true })
  const writer = kysely(file)
  if (version !== PROJECTION_VERSION) await createTables(writer)
  // Reads have a connection of their own: they see the last batch and never wait for the one being written.
  return ReadModel.over(writer, kysely(file))
}

function kysely(file: string): Kysely<Tables> {
  const database = new Database(file)
  database.pragma('journal_mode = WAL')
  // What a crash of the machine takes from the end, the projection does again.
  database.pragma('synchronous = OFF')
  database.pragma('cache_size = -65536')
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database }) })
}

/** The projection version of a file; undefined when there is none, or no tables in it. */
function storedVersion(file: string): number | undefined {
  const database = new Database(file)
  try {
    const row = database.prepare('SELECT projection_version AS version FROM checkpoint').get() as
      | { version: number }
      | undefined
    return row?.version ?? -1
  } catch (error) {
    if (error instanceof Error && error.message.includes('no such table')) return undefined
    return -1
  } finally {
    database.close()
  }
}
