// What the tests of the feed start from: a real log, a real projection and a real nats-server, all of their own, with
// publishers over connections that the tests may cut. Whatever is added is ended after the test, last first.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  assistantStream,
  type Command,
  decide,
  EMPTY,
  type LedgerEvent,
  ledgerStream,
  type SealedEvent,
  sealLedgerEvent,
  timestamp,
} from '@assistant-ledger/assistant'
import { Publisher, type PublisherOptions } from '@assistant-ledger/change-feed'
import { type EventLog, openEmbeddedLog } from '@assistant-ledger/event-log'
import { openReadModel, Projection, type ReadModel } from '@assistant-ledger/read-model'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { PROJECT } from '../faults/commands.js'
import { expectSameOrder } from '../faults/expectations.js'
import { readFeed } from '../faults/records.js'
import { until } from '../faults/until.js'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'

/** A key is read back every 10 s. */
export const DEADLINE_MS = 20_000
const SALT = 'AAAAAAAAAAAAAAAAAAAAAA'
const DAY_MS = 24 * 60 * 60 * 1000

/** A log with its projection. */
export interface Source {
  readonly log: EventLog
  readonly model: ReadModel
  readonly logId: string
}

export type Running = ReturnType<Feed['publish']>

export class Feed {
  private readonly ends: (() => unknown)[] = []

  private constructor(readonly nats: NatsServer) {}

  declare connection: NatsConnection
  declare source: Source

  static async begin(): Promise<Feed> {
    const feed = new Feed(await startNatsServer())
    feed.defer(() => feed.nats.stop())
    feed.connection = await feed.connectTo(feed.nats.url)
    feed.source = await feed.open()
    return feed
  }

  defer(end: () => unknown): void {
    this.ends.push(end)
  }

  async end(): Promise<void> {
    for (const end of this.ends.splice(0).reverse()) await end()
  }

  async connectTo(url: string): Promise<NatsConnection> {
    const opened = await connect({
      servers: url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      reconnectJitter: 50,
    })
    this.defer(() => opened.close())
    return opened
  }

  /** A new log, with its ledger and its projection. */
  async open(): Promise<Source> {
    const directory = await mkdtemp(join(tmpdir(), 'assistant-ledger-feed-'))
    this.defer(() => rm(directory, { recursive: true, force: true }))
    const log = await openEmbeddedLog({ file: join(directory, 'log.db') })
    this.defer(() => log.close())
    const logId = randomUUID()
    await log.append(ledgerStream(PROJECT), 'no_stream', [
      sealLedger({ type: 'LedgerOpened', data: { log_id: logId, salt: SALT } }),
    ])
    return { log, logId, model: await this.project(log) }
  }

  /** A projection of the log, from its beginning. */
  async project(log: EventLog): Promise<ReadModel> {
    const { model, begin } = await this.standing(log)
    begin()
    return model
  }

  /** A projection that begins when told to. */
  async standing(log: EventLog): Promise<{ model: ReadModel; begin(): void }> {
    const directory = await mkdtemp(join(tmpdir(), 'assistant-ledger-feed-'))
    this.defer(() => rm(directory, { recursive: true, force: true }))
    const model = await openReadModel({ file: join(directory, 'read-model.db'), project: PROJECT })
    this.defer(() => model.close())
    const begin = () => {
      const projecting = new AbortController()
      const projected = new Projection(log, model, { project: PROJECT }).run(projecting.signal)
      this.defer(() => {
        projecting.abort()
        return projected
      })
    }
    return { model, begin }
  }

  /** Creates an assistant, some days ago. */
  async create({ log } = this.source, daysAgo = 0, id = randomUUID() as string): Promise<string> {
    const stream = assistantStream(PROJECT, id)
    const create: Command = {
      type: 'create',
      assistant_id: id,
      content: { graph_id: 'writer' },
      if_exists: 'raise',
    }
    const decision = decide(EMPTY, create, {
      stream,
      commandId: randomUUID(),
      commandHash: '',
      keyed: false,
      actor: { id: 'tester', verified: false, via: 'nats' },
      now: timestamp(Date.now() - daysAgo * DAY_MS),
      salts: [SALT, SALT],
      environments: new Set(['live']),
    })
    if (decision.type !== 'events') throw new Error(`not created: ${decision.type}`)
    await log.append(stream, 'no_stream', decision.events)
    return id
  }

  /** Begins the next epoch. */
  async raise(epoch: number, { log } = this.source): Promise<void> {
    let last: { revision: bigint; metadata: unknown } | undefined
    for await (const event of log.readStream(ledgerStream(PROJECT))) last = event
    if (!last) throw new Error('the log has no ledger')
    const { hash, at } = last.metadata as { hash: string; at: string }
    await log.append(ledgerStream(PROJECT), last.revision, [
      sealLedger(
        { type: 'EpochRaised', data: { epoch, seen_position: '0', salt: SALT } },
        { revision: last.revision, hash, at },
      ),
    ])
  }

  /** A publisher at work; `ended` tells what ended it. */
  publish(over: NatsConnection, { log, model }: Pick<Source, 'log' | 'model'> = this.source) {
    const breaks: (string | undefined)[] = []
    const options: PublisherOptions = {
      log,
      model,
      connection: over,
      project: PROJECT,
      environments: ['live'],
      graphs: ['writer'],
      onBreak: (reason) => breaks.push(reason?.message),
    }
    const publisher = new Publisher(options)
    const stop = new AbortController()
    const ended = publisher.run(stop.signal).then(
      () => 'stopped' as const,
      (error: Error) => error,
    )
    const stopped = () => {
      stop.abort()
      return ended
    }
    this.defer(stopped)
    const reached = async () => {
      const head = await log.head()
      await until(
        'the publisher at the end of the log',
        DEADLINE_MS,
        () => publisher.position,
        (at) => at >= head,
      )
    }
    return { ended, breaks, reached, stop: stopped }
  }

  async expectFeedEqualsLog({ log } = this.source): Promise<void> {
    const events = []
    for await (const event of log.readAll()) events.push(event)
    expectSameOrder(await readFeed(this.connection), events)
  }
}

const sealLedger = (
  event: LedgerEvent,
  head?: { revision: bigint; hash: string; at: string },
): SealedEvent<LedgerEvent> =>
  sealLedgerEvent(event, head, {
    stream: ledgerStream(PROJECT),
    now: timestamp(Date.now()),
    commandId: randomUUID(),
    commandHash: '',
  })
