// The service past one machine, for one test: registry replicas on a PostgreSQL, a NATS and the stand-in for
// EventStoreDB, all processes of their own. Whatever a test adds is ended with it, last first.

import { type FollowOptions, followAssistants } from '@assistant-ledger/client'
import { type EventLog, openEventStoreLog, type RecordedEvent } from '@assistant-ledger/event-log'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import pg from 'pg'
import { PROJECT } from '../faults/commands.js'
import type { Follower } from '../faults/day.js'
import { until } from '../faults/until.js'
import { type StandIn, startStandIn } from '../support/event-store/start.js'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'
import { type Postgres, startPostgres } from '../support/postgres.js'
import { type RegistryProcess, startRegistry } from '../support/registry.js'

export type Role = 'projection' | 'publication'

export interface Grown {
  readonly postgres: Postgres
  readonly store: StandIn
  readonly nats: NatsServer
  /** Reconnects for ever. */
  readonly connection: NatsConnection
  /** Those that run. */
  readonly replicas: ReadonlySet<RegistryProcess>
  startReplica(env?: Readonly<Record<string, string>>): Promise<RegistryProcess>
  /** Kills it, as nothing but the machine's end would. */
  kill(replica: RegistryProcess): Promise<void>
  /** Ends it, as an upgrade does; resolves with its exit code. */
  stop(replica: RegistryProcess): Promise<number | null>
  /** The one that leads, as the database sees it; undefined while none does. */
  leader(role: Role): Promise<RegistryProcess | undefined>
  /** Waits until another one leads than that. */
  otherLeader(role: Role, than: RegistryProcess): Promise<RegistryProcess>
  follow(name: string, options?: Partial<FollowOptions>): Promise<Follower>
  /** Rows that the database answers with. */
  query<Row = object>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** A log of the test's own on the same store. */
  openLog(): Promise<EventLog>
  readLog(): Promise<RecordedEvent[]>
  defer(end: () => Promise<unknown> | unknown): void
  end(): Promise<void>
}

/** A lead is taken over within so long, whatever happened to who had it. */
export const TAKE_OVER_MS = 5_000
/** So long a test waits for that: the machine may be busy, and the figure is the benchmark's. */
const LEADER_DEADLINE_MS = 20_000

export interface GrowOptions {
  /** Started one after the other; none when absent. */
  readonly replicas?: number
  /** Settings of PostgreSQL. */
  readonly settings?: Readonly<Record<string, string>>
}

export async function growOut({ replicas = 0, settings = {} }: GrowOptions = {}): Promise<Grown> {
  const ends: (() => Promise<unknown> | unknown)[] = []
  const end = async () => {
    for (const one of ends.splice(0).reverse()) await one()
  }
  try {
    const [postgres, store, nats] = await Promise.all([
      startPostgres({ settings }),
      startStandIn(),
      startNatsServer(),
    ])
    ends.push(() => Promise.all([postgres.stop(), store.stop(), nats.stop()]))
    const connection = await connect({
      servers: nats.url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      reconnectJitter: 50,
    })
    ends.push(() => connection.close())
    const running = new Set<RegistryProcess>()
    const startReplica = async (env: Readonly<Record<string, string>> = {}) => {
      const replica = await startRegistry({
        natsUrl: nats.url,
        env: { EVENTSTORE_URL: store.url, DATABASE_URL: postgres.url, ...env },
      })
      running.add(replica)
      ends.push(async () => {
        if (running.delete(replica)) await replica.stop()
      })
      return replica
    }
    for (let n = 0; n < replicas; n++) await startReplica()
    const leader = async (role: Role) => {
      const pid = await leaderPid(postgres.url, role)
      return [...running].find((replica) => replica.pid === pid)
    }
    const openLog = () => openEventStoreLog({ url: store.url, project: PROJECT })
    return {
      postgres,
      store,
      nats,
      connection,
      replicas: running,
      startReplica,
      async kill(replica) {
        running.delete(replica)
        await replica.kill()
      },
      stop(replica) {
        running.delete(replica)
        return replica.stop()
      },
      leader,
      async otherLeader(role, than) {
        const found = await until(
          `another leader of the ${role}`,
          LEADER_DEADLINE_MS,
          () => leader(role),
          (one) => one !== undefined && one !== than,
        )
        return found.answer as RegistryProcess
      },
      async follow(name, more = {}) {
        const follower = await followAssistants({
          servers: nats.url,
          environment: 'live',
          graphs: ['writer'],
          runner: { name, build: 'replicas' },
          ...more,
        })
        ends.push(() => follower.close())
        return follower
      },
      query: (text, values) => query(postgres.url, text, values),
      openLog,
      async readLog() {
        const log = await openLog()
        try {
          const events: RecordedEvent[] = []
          for await (const event of log.readAll()) events.push(event)
          return events
        } finally {
          await log.close()
        }
      },
      defer: (one) => void ends.push(one),
      end,
    }
  } catch (error) {
    await end()
    throw error
  }
}

/** Sessions that hold an advisory lock are called `<role> <project> <pid>@<host>`. */
async function leaderPid(url: string, role: Role): Promise<number | undefined> {
  const rows = await query<{ application_name: string }>(
    url,
    `select a.application_name from pg_stat_activity a join pg_locks l on l.pid = a.pid
     where l.locktype = 'advisory' and l.granted and a.application_name like $1`,
    [`${role} %`],
  )
  const [, pid] = /^\w+ \w+ (\d+)@/.exec(rows[0]?.application_name ?? '') ?? []
  return pid === undefined ? undefined : Number(pid)
}

async function query<Row>(url: string, text: string, values: readonly unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(text, [...values])).rows as Row[]
  } finally {
    await client.end()
  }
}
