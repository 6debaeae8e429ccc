// Whether two files have the same rows in a table, found out by SQLite: a row that is the same never becomes a value here.
// In stretches of keys, so that others have their turn in between.
import type Database from 'better-sqlite3'
import { TABLE_KEYS, type TableName } from './snapshot.js'
import { turn } from './turn.js'

/** Rows of a stretch. */
const STRETCH = 20_000

export interface SameRowsOptions {
  /** Of the one file, in a read transaction. */
  readonly database: Database.Database
  /** The other file, which nobody may write to meanwhile. */
  readonly file: string
  readonly table: TableName
  readonly columns: readonly string[]
  onProgress(rows: number): void
}

/** @returns how many rows each has when they are the same, otherwise undefined */
export async function sameRows(options: SameRowsOptions): Promise<number | undefined> {
  const { database, file, table, columns, onProgress } = options
  const keys = TABLE_KEYS[table]
  attach(database, file)
  if (!isAlike(database, table)) return undefined
  let rows = 0
  let after: unknown[] | undefined
  for (;;) {
    const first = after ?? []
    const last = lastOfStretch(database, table, after)
    const within = [after && `${tuple(keys)} > ${marks(keys)}`, last && `${tuple(keys)} <= ${marks(keys)}`]
    const where = within.filter((part) => part !== undefined).join(' and ') || 'true'
    const values = [...first, ...(last ?? [])]
    // A cross join goes through the stretch: the other way round SQLite would go through all that has its first column.
    const [ours, theirs, same] = database
      .prepare(`
        select (select count(*) from main.${table} where ${where}), (select count(*) from other.${table} where ${where}),
          (select count(*) from (select * from main.${table} where ${where}) a
            cross join other.${table} b on ${columns.map((column) => condition(column, keys)).join(' and ')})`)
      .raw()
      .get(...values, ...values, ...values) as [number, number, number]
    if (ours !== same || theirs !== same) return undefined
    rows += same
    onProgress(rows)
    if (!last) return rows
    after = last
    await turn()
  }
}

/** A key is looked up by its index; of anything else NULL is the same as NULL. */
const condition = (column: string, keys: readonly string[]): string =>
  `a.${column} ${keys.includes(column) ? '=' : 'is'} b.${column}`

/** The key that a stretch after another key ends with; undefined: it is the last stretch. */
function lastOfStretch(database: Database.Database, table: TableName, after: unknown[] | undefined) {
  const keys = TABLE_KEYS[table]
  const where = after ? `where ${tuple(keys)} > ${marks(keys)}` : ''
  const order = `order by ${keys.join(', ')} limit 1 offset ${STRETCH - 1}`
  const statement = database.prepare(`select ${keys.join(', ')} from main.${table} ${where} ${order}`)
  return statement.raw().get(...(after ?? [])) as unknown[] | undefined
}

/** Declared otherwise, texts could be compared by other rules than their bytes. */
export function isAlike(database: Database.Database, table: TableName): boolean {
  const declared = (file: string) =>
    database
      .prepare(`select sql from ${file}.sqlite_master where type = 'table' and name = ?`)
      .pluck()
      .get(table)
  return declared('main') === declared('other')
}

export function attach(database: Database.Database, file: string): void {
  const attached = database.prepare("select 1 from pragma_database_list where name = 'other'").get()
  if (attached) return
  database.prepare('attach ? as other').run(file)
  database.pragma(`other.cache_size = ${database.pragma('main.cache_size', { simple: true })}`)
}

const tuple = (keys: readonly string[]): string => `(${keys.join(', ')})`
const marks = (keys: readonly string[]): string => `(${keys.map(() => '?').join(', ')})`
