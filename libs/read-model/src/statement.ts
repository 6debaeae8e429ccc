// Queries that are built once and run often: Kysely writes the SQL the first time, every run only fills in values.
import {
  type Compilable,
  type CompiledQuery,
  type Kysely,
  type QueryResult,
  type RawBuilder,
  sql,
} from 'kysely'
import { isPostgres } from './dialect.js'
import { textArray } from './postgres/arrays.js'
import type { Tables } from './schema.js'

/** What runs a query: the database, or a transaction on it. */
export type Runner = Pick<Kysely<never>, 'executeQuery'>

class Slot {
  constructor(readonly name: string) {}
}

/** Stands for a value in a query, until it is run. */
export const slot = <T>(name: string): T => new Slot(name) as T

/** Slots of one name for a list of `size` values. */
export const slots = <T>(name: string, size: number): T[] =>
  Array.from({ length: size }, (_, index) => slot<T>(`${name}${index}`))

/** The values of {@link slots}: a shorter list is filled up with its last value, which changes no `in (…)`. */
export function fill(name: string, size: number, values: readonly unknown[]): Record<string, unknown> {
  const filled: Record<string, unknown> = {}
  for (let index = 0; index < size; index++) filled[`${name}${index}`] = values[index] ?? values.at(-1)
  return filled
}

/** A query with slots, compiled. */
export class Statement<Row> {
  private readonly compiled: CompiledQuery<Row>

  constructor(query: Compilable<Row>) {
    this.compiled = query.compile()
  }

  async all(runner: Runner, values: Readonly<Record<string, unknown>> = {}): Promise<Row[]> {
    return (await this.run(runner, values)).rows
  }

  async first(runner: Runner, values: Readonly<Record<string, unknown>> = {}): Promise<Row | undefined> {
    return (await this.run(runner, values)).rows[0]
  }

  run(runner: Runner, values: Readonly<Record<string, unknown>>): Promise<QueryResult<Row>> {
    const parameters = this.compiled.parameters.map((value) =>
      value instanceof Slot ? values[value.name] : value,
    )
    return runner.executeQuery({ ...this.compiled, parameters })
  }
}

/** That a text column has one of the values asked for. */
export type IsOneOf = (column: string) => RawBuilder<boolean>

/** A query on a list of texts of any length: in PostgreSQL at once, in SQLite a few at a time. */
export class ListStatement<Row> {
  private readonly whole: Statement<Row> | undefined
  private readonly sizes: readonly { readonly size: number; readonly some: Statement<Row> }[]

  constructor(db: Kysely<Tables>, sizes: readonly number[], query: (isOneOf: IsOneOf) => Compilable<Row>) {
    const anyOf: IsOneOf = (column) => sql`${sql.ref(column)} = any(${slot('list')}::text[])`
    const inList =
      (size: number): IsOneOf =>
      (column) =>
        sql`${sql.ref(column)} in (${sql.join(slots('list', size))})`
    this.whole = isPostgres(db) ? new Statement(query(anyOf)) : undefined
    this.sizes = this.whole
      ? []
      : [...sizes].sort((a, b) => a - b).map((size) => ({ size, some: new Statement(query(inList(size))) }))
  }

  async all(runner: Runner, list: readonly string[]): Promise<Row[]> {
    if (list.length === 0) return []
    if (this.whole) return this.whole.all(runner, { list: textArray(list) })
    const rows: Row[] = []
    for (let next = 0; next < list.length; ) {
      const left = list.length - next
      const { size, some } = (this.sizes.find(({ size }) => size >= left) ??
        this.sizes.at(-1)) as (typeof this.sizes)[number]
      rows.push(...(await some.all(runner, fill('list', size, list.slice(next, next + size)))))
      next += size
    }
    return rows
  }
}
