// The SQLite file of the read database: one connection that projects and one that queries read from, so that no
// query waits for a transaction or sees half of one.
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import Database from 'better-sqlite3'
import { type CompiledQuery, Kysely, type QueryResult, SqliteDialect, type SqliteStatement } from 'kysely'
import type { ReadDatabase } from './database.js'
import { LateIndexes } from './late-indexes.js'
import { createTables, PROJECTION_VERSION, type Tables } from './schema.js'

/** Larger than SQLite's own 4 KiB: contents are large, and a commit costs by the page. */
const PAGE_BYTES = 8192
/** Page cache of each connection, in KiB. */
const CACHE_KIB = 32 * 1024
/** Of the file that queries read as memory: a page beyond the cache then costs no call of the system. */
const MAPPED_BYTES = 4 * 1024 ** 3
/** The same where a file is made from the start, in KiB: rows are added at the ends of their tables. */
const MAKING_CACHE_KIB = 16 * 1024
/** Pages in the write-ahead log before SQLite moves them to the file. */
const WAL_PAGES = 4000

/**
 * How a file is written to. What is built beside the live one can be begun anew after a crash, and need not survive it;
 * what is made in passing need not survive the process.
 */
type Way = 'live' | 'rebuilding' | 'passing'

/** Where the file that is built beside another one is. */
export const rebuiltFile = (file: string): string => `${file}.rebuilt`

/** Opens the file; one of another projection version or project, or a damaged one, is discarded and begun anew. */
export async function openSqlite(file: string, project: string, way: Way = 'live'): Promise<ReadDatabase> {
  const found = way === 'passing' ? undefined : await openExisting(file, project, way)
  const { handle, writer, unfinished } = found ?? (await openNew(file, project, way))
  const late = unfinished ? new LateIndexes(handle.db, writer, true) : undefined
  const reading = new Handle(() => open(file, { readonly: true }, way))
  const reader = new DirectReader(reading)
  return {
    writer,
    reader,
    available: true,
    replicas: undefined,
    ...(late ? { late } : {}),
    // Nobody else projects into it.
    follow: async () => {},
    async replace(complete) {
      const { position } = await writer.selectFrom('checkpoint').select('position').executeTakeFirstOrThrow()
      await complete(BigInt(position))
      replaceFile(file, [reading, handle])
    },
    // The reader first: the last connection to close tidies the write-ahead log away, and a reader may not.
    close: async () => {
      await reader.destroy()
      if (way === 'rebuilding') settle(handle, file, late?.pending ? UNFINISHED : WHOLE)
      await writer.destroy()
    },
  }
}

/**
 * Puts the file that was built beside in the place of the live one, in one turn: no query comes in between. A process
 * that ends in the middle of it leaves one or the other.
 */
function replaceFile(file: string, handles: readonly Handle[]): void {
  for (const handle of handles) handle.close()
  try {
    // What the last connection left of them, if it could not tidy up, would be taken for the new file's.
    for (const end of ['-wal', '-shm']) rmSync(file + end, { force: true })
    renameSync(rebuiltFile(file), file)
  } finally {
    for (const handle of handles.toReversed()) handle.reopen()
  }
}

/** Of a file that is being built, as its `user_version`: what is in it cannot be relied on. */
const DIRTY = 1
/** It is on disk and nobody writes to it: all of it, or without what is made late. */
const WHOLE = 0
const UNFINISHED = 2

/** Whether a file that is built beside cannot be relied on, or is none. */
export function isDirty(file: string): boolean {
  if (!existsSync(file)) return true
  try {
    const database = new Database(file, { readonly: true })
    try {
      return database.pragma('user_version', { simple: true }) === DIRTY
    } finally {
      database.close()
    }
  } catch (error) {
    if (isDisposable(error)) return true
    throw error
  }
}

function settle(handle: Handle, file: string, as: typeof WHOLE | typeof UNFINISHED): void {
  syncFile(file)
  handle.db.pragma(`user_version = ${as}`)
  syncFile(file)
}

function syncFile(file: string): void {
  const descriptor = openSync(file, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

interface Opened {
  readonly handle: Handle
  readonly writer: Kysely<Tables>
  /** What is made late is still to be made. */
  readonly unfinished: boolean
}

async function openExisting(file: string, project: string, way: Way): Promise<Opened | undefined> {
  let opened: Opened | undefined
  try {
    const writable = writing(file, way)
    const { db } = writable.handle
    const standing = way === 'rebuilding' ? db.pragma('user_version', { simple: true }) : WHOLE
    const dirty = standing === DIRTY
    opened = { ...writable, unfinished: standing === UNFINISHED }
    const row = await opened.writer
      .selectFrom('checkpoint')
      .select(['projection_version', 'project'])
      .executeTakeFirst()
    if (!dirty && row?.projection_version === PROJECTION_VERSION && row.project === project) {
      if (way === 'rebuilding') {
        db.pragma(`user_version = ${DIRTY}`)
        // Before any other page: after a loss of power the file would be taken for what it was.
        syncFile(file)
      }
      return opened
    }
  } catch (error) {
    if (!isDisposable(error)) throw error
  }
  await opened?.writer.destroy()
  return undefined
}

/** No table yet, or not a database at all: there is nothing to keep. Everything else may be somebody's mistake. */
const isDisposable = (error: unknown): boolean =>
  /^SQLITE_(ERROR|NOTADB|CORRUPT)/.test((error as { code?: string }).code ?? '')

async function openNew(file: string, project: string, way: Way): Promise<Opened> {
  for (const part of [file, `${file}-wal`, `${file}-shm`]) await rm(part, { force: true })
  const opened = writing(file, way)
  const unfinished = way !== 'live'
  if (way === 'rebuilding') opened.handle.db.pragma(`user_version = ${DIRTY}`)
  await opened.writer.transaction().execute((transaction) => createTables(transaction, project, !unfinished))
  return { ...opened, unfinished }
}

function writing(file: string, way: Way): Pick<Opened, 'handle' | 'writer'> {
  const handle = new Handle(() => open(file, {}, way))
  return { handle, writer: new Kysely({ dialect: new SqliteDialect({ database: handle }) }) }
}

/** Runs a compiled query on the spot: a read of a file takes no turn at a connection and is no transaction. */
class DirectReader extends Kysely<Tables> {
  constructor(private readonly handle: Handle) {
    super({ dialect: new SqliteDialect({ database: handle }) })
  }

  override async executeQuery<Row>({ sql, parameters }: CompiledQuery<Row>): Promise<QueryResult<Row>> {
    return { rows: this.handle.prepare(sql).all(parameters) as Row[] }
  }
}

function open(file: string, options: Database.Options = {}, way: Way = 'live'): Database.Database {
  const database = new Database(file, options)
  try {
    database.pragma(`page_size = ${PAGE_BYTES}`)
    // A reader has the mode that the file has. What is to be taken back stays in memory where a crash means another start.
    if (!options.readonly) database.pragma(`journal_mode = ${way === 'live' ? 'WAL' : 'MEMORY'}`)
    // No commit waits for the disk: what is lost with the power is projected again.
    database.pragma(`synchronous = ${way === 'live' ? 'NORMAL' : 'OFF'}`)
    database.pragma(`cache_size = -${way === 'live' ? CACHE_KIB : MAKING_CACHE_KIB}`)
    database.pragma(`wal_autocheckpoint = ${WAL_PAGES}`)
    if (options.readonly && way === 'live') database.pragma(`mmap_size = ${MAPPED_BYTES}`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** Statements kept prepared; there are a few dozen, and a search adds at most its shapes. */
const MOST_PREPARED = 512

/**
 * A connection to the file, which may be another one at another time. Kysely prepares a statement at every run; this hands
 * out the one of the same text again.
 */
class Handle {
  db: Database.Database
  private readonly prepared = new Map<string, SqliteStatement>()

  constructor(private readonly connect: () => Database.Database) {
    this.db = connect()
  }

  prepare(sql: string): SqliteStatement {
    const known = this.prepared.get(sql)
    if (known) return known
    const statement = this.db.prepare(sql) as unknown as SqliteStatement
    if (this.prepared.size >= MOST_PREPARED) this.prepared.clear()
    this.prepared.set(sql, statement)
    return statement
  }

  close(): void {
    this.prepared.clear()
    this.db.close()
  }

  reopen(): void {
    this.db = this.connect()
  }
}
