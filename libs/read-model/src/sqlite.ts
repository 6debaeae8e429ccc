// The SQLite file of the read database: one connection that projects and one that queries read from, so that no
// query waits for a transaction or sees half of one.
import { rm } from 'node:fs/promises'
import Database from 'better-sqlite3'
import { type CompiledQuery, Kysely, type QueryResult, SqliteDialect, type SqliteStatement } from 'kysely'
import type { ReadDatabase } from './database.js'
import { createTables, PROJECTION_VERSION, type Tables } from './schema.js'

/** Larger than SQLite's own 4 KiB: contents are large, and a commit costs by the page. */
const PAGE_BYTES = 8192
/** Page cache of each connection, in KiB. */
const CACHE_KIB = 32 * 1024
/** Of the file that queries read as memory: a page beyond the cache then costs no call of the system. */
const MAPPED_BYTES = 4 * 1024 ** 3
/** The page cache of each connection of a program that has little memory, in KiB. */
const LEAN_CACHE_KIB = 8 * 1024
/** Pages in the write-ahead log before SQLite moves them to the file. */
const WAL_PAGES = 4000

/** Opens the file; one of another projection version or project, or a damaged one, is discarded and begun anew. */
export async function openSqlite(file: string, project: string, lean = false): Promise<ReadDatabase> {
  const writer = (await openExisting(file, project, lean)) ?? (await openNew(file, project, lean))
  const reader = new DirectReader(open(file, lean, { readonly: true }))
  return {
    writer,
    reader,
    available: true,
    replicas: undefined,
    // Nobody else projects into it.
    follow: async () => {},
    // The reader first: the last connection to close tidies the write-ahead log away, and a reader may not.
    close: async () => {
      await reader.destroy()
      await writer.destroy()
    },
  }
}

async function openExisting(
  file: string,
  project: string,
  lean: boolean,
): Promise<Kysely<Tables> | undefined> {
  let db: Kysely<Tables> | undefined
  try {
    db = writing(file, lean)
    const row = await db.selectFrom('checkpoint').select(['projection_version', 'project']).executeTakeFirst()
    if (row?.projection_version === PROJECTION_VERSION && row.project === project) return db
  } catch (error) {
    if (!isDisposable(error)) throw error
  }
  await db?.destroy()
  return undefined
}

/** No table yet, or not a database at all: there is nothing to keep. Everything else may be somebody's mistake. */
const isDisposable = (error: unknown): boolean =>
  /^SQLITE_(ERROR|NOTADB|CORRUPT)/.test((error as { code?: string }).code ?? '')

async function openNew(file: string, project: string, lean: boolean): Promise<Kysely<Tables>> {
  for (const part of [file, `${file}-wal`, `${file}-shm`]) await rm(part, { force: true })
  const db = writing(file, lean)
  await db.transaction().execute((transaction) => createTables(transaction, project))
  return db
}

const writing = (file: string, lean: boolean): Kysely<Tables> =>
  new Kysely({ dialect: new SqliteDialect({ database: preparedOnce(open(file, lean)) }) })

/** Runs a compiled query on the spot: a read of a file takes no turn at a connection and is no transaction. */
class DirectReader extends Kysely<Tables> {
  private readonly prepare: (sql: string) => SqliteStatement

  constructor(database: Database.Database) {
    const prepared = preparedOnce(database)
    super({ dialect: new SqliteDialect({ database: prepared }) })
    this.prepare = prepared.prepare
  }

  override async executeQuery<Row>({ sql, parameters }: CompiledQuery<Row>): Promise<QueryResult<Row>> {
    return { rows: this.prepare(sql).all(parameters) as Row[] }
  }
}

function open(file: string, lean: boolean, options: Database.Options = {}): Database.Database {
  const database = new Database(file, options)
  try {
    database.pragma(`page_size = ${PAGE_BYTES}`)
    database.pragma('journal_mode = WAL')
    // No commit waits for the disk: what is lost with the power is projected again.
    database.pragma('synchronous = NORMAL')
    database.pragma(`cache_size = -${lean ? LEAN_CACHE_KIB : CACHE_KIB}`)
    database.pragma(`wal_autocheckpoint = ${WAL_PAGES}`)
    if (options.readonly && !lean) database.pragma(`mmap_size = ${MAPPED_BYTES}`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** Statements kept prepared; there are a few dozen, and a search adds at most its shapes. */
const MOST_PREPARED = 512

/** Kysely prepares a statement at every run; this hands out the one of the same text again. */
function preparedOnce(database: Database.Database) {
  const prepared = new Map<string, SqliteStatement>()
  return {
    close: () => database.close(),
    prepare(sql: string): SqliteStatement {
      const known = prepared.get(sql)
      if (known) return known
      const statement = database.prepare(sql) as unknown as SqliteStatement
      if (prepared.size >= MOST_PREPARED) prepared.clear()
      prepared.set(sql, statement)
      return statement
    },
  }
}
