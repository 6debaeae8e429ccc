// Queries that are built once and run often: Kysely writes the SQL the first time, every run only fills in values.
import type { Compilable, CompiledQuery, Kysely, QueryResult } from 'kysely'

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

/** Rows that one insert takes: many for a rebuild, few for a live batch, one for the rest. */
const INSERT_SIZES = [64, 8, 1] as const

/** An insert of any number of rows, each a list of values in the order of `columns`. */
export class BulkInsert {
  private readonly compiled: readonly { readonly size: number; readonly query: CompiledQuery }[]

  constructor(
    columns: readonly string[],
    compile: (rows: readonly Record<string, never>[]) => Compilable<unknown>,
  ) {
    const row = Object.fromEntries(columns.map((column) => [column, 0])) as Record<string, never>
    this.compiled = INSERT_SIZES.map((size) => ({
      size,
      query: compile(Array.from({ length: size }, () => row)).compile(),
    }))
  }

  async run(runner: Runner, rows: readonly (readonly unknown[])[]): Promise<void> {
    let next = 0
    for (const { size, query } of this.compiled)
      for (; rows.length - next >= size; next += size)
        await runner.executeQuery({ ...query, parameters: valuesOf(rows, next, next + size) })
  }
}

function valuesOf(rows: readonly (readonly unknown[])[], from: number, to: number): unknown[] {
  const values: unknown[] = []
  for (let index = from; index < to; index++)
    for (const value of rows[index] as readonly unknown[]) values.push(value)
  return values
}
