// Inserts of many rows: in PostgreSQL one statement with an array a column, in SQLite statements of a few fixed sizes.
import { type CompiledQuery, type InsertQueryBuilder, type Kysely, sql } from 'kysely'
import { isPostgres } from './dialect.js'
import { int8Array, textArray } from './postgres/arrays.js'
import type { Tables } from './schema.js'
import { type Runner, Statement, slot } from './statement.js'

/** Values in the order of the insert's columns. */
export type Row = readonly unknown[]

/** What becomes of a row whose key is there: a replacement of all but these key columns, or nothing; else it fails. */
export type OnConflict = readonly string[] | 'skip' | undefined

/** Rows that one statement of SQLite takes: many for a rebuild, few for a live batch, one for the rest. */
const VALUES_SIZES = [64, 8, 1] as const
/** Characters that one statement of PostgreSQL takes, and one row more. */
const ARRAYS_CHARACTERS = 8 * 1024 * 1024

/** Columns that hold integers; all others are texts. */
const INTEGERS: ReadonlySet<string> = new Set([
  'assistant_no',
  'revision',
  'generation',
  'version',
  'highest',
  'live_version',
  'listed',
  'created_us',
  'below_revision',
  'replaces',
  'is_rollback',
])

/** An insert of any number of rows. In PostgreSQL no two of them may replace each other. */
export class BulkInsert {
  private readonly insert: (runner: Runner, rows: readonly Row[]) => Promise<void>

  constructor(db: Kysely<Tables>, table: keyof Tables, columns: readonly string[], onConflict?: OnConflict) {
    this.insert = isPostgres(db)
      ? arraysInsert(db, table, columns, onConflict)
      : valuesInsert(db, table, columns, onConflict)
  }

  async run(runner: Runner, rows: readonly Row[]): Promise<void> {
    if (rows.length > 0) await this.insert(runner, rows)
  }
}

function valuesInsert(
  db: Kysely<Tables>,
  table: keyof Tables,
  columns: readonly string[],
  onConflict: OnConflict,
) {
  const row = Object.fromEntries(columns.map((column) => [column, 0]))
  const compiled = VALUES_SIZES.map((size) => {
    const rows = Array.from({ length: size }, () => row)
    // What fails ends the transaction: SQLite need not keep how the tables were before the statement.
    const insert = db
      .insertInto(table)
      .orFail()
      .values(rows as never)
    const query = settled(insert, columns, onConflict).compile()
    return { size, query: query as CompiledQuery }
  })
  return async (runner: Runner, rows: readonly Row[]) => {
    let next = 0
    for (const { size, query } of compiled)
      for (; rows.length - next >= size; next += size)
        await runner.executeQuery({ ...query, parameters: valuesOf(rows, next, next + size) })
  }
}

/** The values of some rows, one after the other. */
function valuesOf(rows: readonly Row[], from: number, to: number): unknown[] {
  const values: unknown[] = []
  for (let index = from; index < to; index++) for (const value of rows[index] as Row) values.push(value)
  return values
}

function arraysInsert(
  db: Kysely<Tables>,
  table: keyof Tables,
  columns: readonly string[],
  onConflict: OnConflict,
) {
  const arrays = columns.map((column) =>
    INTEGERS.has(column) ? sql`${slot(column)}::int8[]` : sql`${slot(column)}::text[]`,
  )
  const alias = sql`r(${sql.join(columns.map((column) => sql.id(column)))})`
  const rows = db.selectFrom(sql`unnest(${sql.join(arrays)})`.as(alias) as never).selectAll()
  const insert = db
    .insertInto(table)
    .columns(columns as never)
    .expression(rows as never)
  const statement = new Statement(settled(insert, columns, onConflict))
  return async (runner: Runner, rows: readonly Row[]) => {
    for (const some of portions(rows)) {
      const values = columns.map((column, index) => {
        const all = some.map((row) => row[index])
        return [column, INTEGERS.has(column) ? int8Array(all as number[]) : textArray(all as string[])]
      })
      await statement.run(runner, Object.fromEntries(values))
    }
  }
}

function* portions(rows: readonly Row[]): Generator<readonly Row[]> {
  let from = 0
  let characters = 0
  for (const [index, row] of rows.entries()) {
    for (const value of row) characters += typeof value === 'string' ? value.length : 8
    if (characters < ARRAYS_CHARACTERS) continue
    yield rows.slice(from, index + 1)
    from = index + 1
    characters = 0
  }
  if (from < rows.length) yield rows.slice(from)
}

function settled<T extends keyof Tables, R>(
  insert: InsertQueryBuilder<Tables, T, R>,
  columns: readonly string[],
  onConflict: OnConflict,
): InsertQueryBuilder<Tables, T, R> {
  if (onConflict === undefined) return insert
  if (onConflict === 'skip') return insert.onConflict((conflict) => conflict.doNothing())
  const replaced = columns.filter((column) => !onConflict.includes(column))
  return insert.onConflict((conflict) => {
    const target = conflict.columns(onConflict as never)
    if (replaced.length === 0) return target.doNothing()
    return target.doUpdateSet(
      (eb) =>
        Object.fromEntries(
          replaced.map((column) => [column, eb.ref(`excluded.${column}` as never)]),
        ) as never,
    )
  })
}
