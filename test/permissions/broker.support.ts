// A real nats-server with the accounts of a project, its assets made by the registry's own user, and connections as any
// of its users. What the broker refuses, it says on the connection before it answers the next ping.
import {
  type AccountUser,
  accountsConfig,
  ackStream,
  bucketStream,
  ensureAssets,
  keySubject,
} from '@assistant-ledger/change-feed'
import { type NatsLogin, natsAddress } from '@assistant-ledger/client'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import {
  connect,
  errors,
  type NatsConnection,
  type QueuedIterator,
  type Status,
  type Subscription,
} from '@nats-io/transport-node'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'

export const PROJECT = 'default'
export const STREAM = bucketStream(PROJECT)
export const ID = '5b1d6a52-6f0e-4c6b-9d55-0b1f3a7c00aa'
/** A subject of the project. */
export const on = (rest: string): string => `assistants.v1.${PROJECT}.${rest}`
export const key = (rest: string): string => keySubject(PROJECT, rest)

const USERS: readonly AccountUser[] = [
  { name: 'registry', role: 'registry', password: 'p-registry' },
  { name: 'commander', role: 'commander', password: 'p-commander' },
  { name: 'auditor', role: 'auditor', password: 'p-auditor' },
  { name: 'eu', role: 'runner', environment: 'live', graphs: ['writer'], runs: true, password: 'p-eu' },
  { name: 'us', role: 'runner', environment: 'staging', graphs: ['editor'], runs: false, password: 'p-us' },
]

export type User = 'registry' | 'commander' | 'auditor' | 'eu' | 'us'

export interface Broker {
  readonly nats: NatsServer
  /** What a process of that user is told by its environment. */
  env(user: User): { NATS_USER: string; NATS_PASSWORD: string }
  login(user: User): NatsLogin
  as(user: User): Promise<NatsConnection>
  stop(): Promise<void>
}

export async function startBroker(): Promise<Broker> {
  const nats = await startNatsServer({ config: accountsConfig(PROJECT, USERS) })
  const open: NatsConnection[] = []
  const env = (user: User) => ({ NATS_USER: user, NATS_PASSWORD: `p-${user}` })
  const login = (user: User) => natsAddress(env(user)).login as NatsLogin
  return {
    nats,
    env,
    login,
    async as(user) {
      const connection = await connect({ ...login(user), servers: nats.url, reconnect: false })
      open.push(connection)
      return connection
    },
    async stop() {
      await Promise.all(open.map((connection) => connection.close()))
      await nats.stop()
    },
  }
}

/** Makes the project's streams and one key each of two environments and two graphs, as the registry. */
export async function makeAssets(registry: NatsConnection): Promise<void> {
  await ensureAssets(registry, PROJECT)
  await ensureReports(registry)
  for (const graph of ['live.writer', 'staging.writer', 'live.editor', 'staging.editor'])
    await jetstream(registry).publish(key(`${graph}.${ID}`), JSON.stringify({ graph }))
}

/** The stream that runners report to, where nobody has made it yet. */
export async function ensureReports(registry: NatsConnection): Promise<void> {
  const { streams } = await jetstreamManager(registry)
  const name = ackStream(PROJECT)
  const there = await streams.info(name).catch(() => undefined)
  if (!there) await streams.add({ name, subjects: [on('acks.>')], allow_direct: true })
}

/** What the broker refused of what was done: `publish <subject>`, `subscribe <subject>[ <queue>]`, as it was asked for. */
export async function refusedOf(connection: NatsConnection, act: () => unknown): Promise<string[]> {
  const refused: string[] = []
  // The library's own type leaves out that it can be stopped.
  const statuses = connection.status() as QueuedIterator<Status>
  const reading = (async () => {
    for await (const status of statuses) {
      if (status.type !== 'error') continue
      const { error } = status
      if (!(error instanceof errors.PermissionViolationError)) throw error
      const { operation, subject, queue } = error
      const asked = subject.replace(/^LEDGER\.API\./, '$$JS.API.')
      refused.push(
        [operation === 'publish' ? operation : 'subscribe', asked, queue].filter(Boolean).join(' '),
      )
    }
  })()
  await act()
  await connection.flush()
  // What came before the pong is in the iterator by now, and read by the next turn.
  await new Promise(setImmediate)
  statuses.stop()
  await reading
  return refused
}

/** Tries them all, and returns what was refused. */
export const refusedPublishes = (connection: NatsConnection, subjects: readonly string[]) =>
  refusedOf(connection, () => {
    for (const subject of subjects) connection.publish(subject, '{}')
  })

/** As `subject` or `subject queue`; none is left, since a member of a queue takes what others are to answer. */
export async function refusedSubscriptions(
  connection: NatsConnection,
  subscriptions: readonly string[],
): Promise<string[]> {
  const made: Subscription[] = []
  const refused = await refusedOf(connection, () => {
    for (const subscription of subscriptions) {
      const [subject = '', queue] = subscription.split(' ')
      made.push(connection.subscribe(subject, { callback: () => undefined, ...(queue && { queue }) }))
    }
  })
  for (const one of made) one.unsubscribe()
  await connection.flush()
  return refused
}
