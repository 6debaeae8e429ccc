// One connection while it is borrowed: statements are prepared by name, once on each connection, and every answer has
// a time by which it must be there.
import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely'
import type pg from 'pg'
import { withoutNul } from '../without-nul.js'
import { POSTGRES_LIMITS } from './limits.js'
import { isUsable, translated } from './unavailable.js'

/** The names of statements, the same on all connections. */
export class PreparedNames {
  private readonly names = new Map<string, string>()

  /** Undefined for what is not worth it: the set-up's own, and what would be one too many. */
  of({ sql, query }: CompiledQuery): string | undefined {
    const known = this.names.get(sql)
    if (known !== undefined || !PREPARED.has(query.kind)) return known
    if (this.names.size >= POSTGRES_LIMITS.prepared) return undefined
    const name = `s${this.names.size}`
    this.names.set(sql, name)
    return name
  }
}

const PREPARED: ReadonlySet<string> = new Set([
  'SelectQueryNode',
  'InsertQueryNode',
  'UpdateQueryNode',
  'DeleteQueryNode',
])

const COUNTED: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE'])

export class Session implements DatabaseConnection {
  /** Whether nothing can be asked over it any more. */
  broken = false

  /** @param timeLeft milliseconds that the next answer may take */
  constructor(
    private readonly client: pg.ClientBase,
    private readonly names: PreparedNames,
    private readonly timeLeft: () => number,
  ) {}

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const name = this.names.of(query)
    const values = query.parameters.map((value) => (typeof value === 'string' ? withoutNul(value) : value))
    const config = {
      ...(name === undefined ? {} : { name }),
      text: query.sql,
      values,
      query_timeout: Math.max(1, this.timeLeft()),
    }
    try {
      const { command, rowCount, rows } = await this.client.query(config)
      if (!COUNTED.has(command)) return { rows: rows as Row[] }
      return { rows: rows as Row[], numAffectedRows: BigInt(rowCount ?? 0) }
    } catch (error) {
      if (!isUsable(error)) this.broken = true
      throw translated(error)
    }
  }

  // biome-ignore lint/correctness/useYield: nothing here reads a result bit by bit
  async *streamQuery<Row>(): AsyncGenerator<QueryResult<Row>> {
    throw new Error('results are not streamed')
  }
}
