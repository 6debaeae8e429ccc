// Connections to PostgreSQL as Kysely borrows them, all with the same settings. A lost one is an error of the call that
// was under way; the next call makes a new one.
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely'
import pg from 'pg'
import type { Tables } from '../schema.js'
import { POSTGRES_LIMITS } from './limits.js'
import { PreparedNames, Session } from './session.js'
import { translated } from './unavailable.js'

const { builtins } = pg.types

/** Integers are numbers: revisions and microseconds are within 2^53. */
const TYPES: pg.CustomTypesConfig = {
  getTypeParser: ((type: number, format: 'text') =>
    type === builtins.INT8 ? Number : pg.types.getTypeParser(type, format)) as never,
}

/** The settings of a connection: where to, under which name, and what the server is told at once. */
export function clientConfig(
  url: string,
  name: string,
  settings: Readonly<Record<string, string | number>>,
): pg.ClientConfig {
  const given = new URL(url).searchParams.get('options')
  const options = Object.entries(settings).map(([setting, value]) => `-c ${setting}=${value}`)
  const config: pg.ClientConfig = {
    connectionString: withoutOptions(url),
    options: [...(given ? [given] : []), ...options].join(' '),
    application_name: name,
    connectionTimeoutMillis: POSTGRES_LIMITS.connect_ms,
    keepAlive: true,
    // Statements that do not wait for each other travel together.
    pipeline: true,
    types: TYPES,
  }
  return config
}

/** The driver would let the URL's options stand for ours. */
function withoutOptions(url: string): string {
  const without = new URL(url)
  without.searchParams.delete('options')
  return without.href
}

export interface ConnectionsOptions {
  readonly config: pg.ClientConfig
  readonly most: number
  /** For each statement; for the wait as well where `wholly`. */
  readonly timeout_ms: number
  readonly wholly: boolean
}

/** A few connections, and Kysely on them. */
export function connections(options: ConnectionsOptions): Kysely<Tables> {
  const dialect: Dialect = {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new Connections(options),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }
  return new Kysely({ dialect })
}

class Connections implements Driver {
  private readonly pool: pg.Pool
  private readonly names = new PreparedNames()
  /** All connections, with when they have ended. */
  private readonly clients = new Map<pg.PoolClient, Promise<void>>()
  private readonly borrowed = new WeakMap<DatabaseConnection, pg.PoolClient>()

  constructor(private readonly options: ConnectionsOptions) {
    this.pool = new pg.Pool({
      ...options.config,
      max: options.most,
      idleTimeoutMillis: POSTGRES_LIMITS.idle_ms,
    })
    this.pool.on('connect', (client) => {
      // What it has to say comes as the error of the query that was under way.
      client.on('error', () => {})
      const ended = new Promise<void>((resolve) => client.once('end', () => resolve()))
      this.clients.set(client, ended)
      void ended.then(() => this.clients.delete(client))
    })
    this.pool.on('error', () => {})
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const { timeout_ms, wholly } = this.options
    const began = performance.now()
    try {
      const client = await this.pool.connect()
      const timeLeft = wholly ? () => Math.ceil(timeout_ms - (performance.now() - began)) : () => timeout_ms
      const session = new Session(client, this.names, timeLeft)
      this.borrowed.set(session, client)
      return session
    } catch (error) {
      throw translated(error)
    }
  }

  async releaseConnection(session: DatabaseConnection): Promise<void> {
    const client = this.borrowed.get(session)
    client?.release((session as Session).broken)
  }

  async beginTransaction(session: DatabaseConnection): Promise<void> {
    await session.executeQuery(CompiledQuery.raw('begin'))
  }

  async commitTransaction(session: DatabaseConnection): Promise<void> {
    await session.executeQuery(CompiledQuery.raw('commit'))
  }

  /** What a broken connection had begun the server ends itself. */
  async rollbackTransaction(session: DatabaseConnection): Promise<void> {
    if (!(session as Session).broken) await session.executeQuery(CompiledQuery.raw('rollback'))
  }

  /** In good order where the server answers, by force where it does not. */
  async destroy(): Promise<void> {
    const force = setTimeout(() => {
      for (const client of this.clients.keys()) cut(client)
    }, POSTGRES_LIMITS.close_ms)
    await this.pool.end()
    await Promise.all(this.clients.values())
    clearTimeout(force)
  }
}

/** Ends a connection without a word: the other side may not be listening. */
export function cut(client: pg.ClientBase): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
  connection.stream.destroy()
}
