// The publisher over a real log, a real projection and a real nats-server: its fence, its repairs, and what it says of
// a NATS that is away.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assistantStream, decide, EMPTY, sealLedgerEvent, timestamp } from '@assistant-ledger/assistant'
import { keySubject, Publisher, PublisherFenced } from '@assistant-ledger/change-feed'
import { type EventLog, openEmbeddedLog } from '@assistant-ledger/event-log'
import { openReadModel, Projection, type ReadModel } from '@assistant-ledger/read-model'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { jetstream } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { PROJECT } from '../faults/commands.js'
import { expectSameOrder } from '../faults/expectations.js'
import { readBucket, readFeed } from '../faults/records.js'
import { until, untilEqual } from '../faults/until.js'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'
import { startTcpProxy } from '../support/tcp-proxy.js'

jest.setTimeout(60_000)

/** A key is read back every 10 s. */
const DEADLINE_MS = 20_000
const SALT = 'AAAAAAAAAAAAAAAAAAAAAA'

let nats: NatsServer
let connection: NatsConnection
let log: EventLog
let model: ReadModel
const ends: (() => unknown)[] = []

beforeEach(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'assistant-ledger-feed-'))
  ends.push(() => rm(directory, { recursive: true, force: true }))
  nats = await startNatsServer()
  ends.push(() => nats.stop())
  connection = await connectTo(nats.url)
  log = await openEmbeddedLog({ file: join(directory, 'log.db') })
  ends.push(() => log.close())
  const opened = sealLedgerEvent(
    { type: 'LedgerOpened', data: { log_id: randomUUID(), salt: SALT } },
    undefined,
    { stream: `ledger.${PROJECT}`, now: timestamp(Date.now()), commandId: randomUUID(), commandHash: '' },
  )
  await log.append(`ledger.${PROJECT}`, 'no_stream', [opened])
  model = await openReadModel({ file: join(directory, 'read-model.db'), project: PROJECT })
  ends.push(() => model.close())
  const projecting = new AbortController()
  const projected = new Projection(log, model, { project: PROJECT }).run(projecting.signal)
  ends.push(() => {
    projecting.abort()
    return projected
  })
})
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function connectTo(url: string): Promise<NatsConnection> {
  const opened = await connect({
    servers: url,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    reconnectJitter: 50,
  })
  ends.push(() => opened.close())
  return opened
}

async function create(): Promise<string> {
  const id = randomUUID()
  const stream = assistantStream(PROJECT, id)
  const decision = decide(
    EMPTY,
    { type: 'create', assistant_id: id, content: { graph_id: 'writer' }, if_exists: 'raise' },
    {
      stream,
      commandId: randomUUID(),
      commandHash: '',
      keyed: false,
      actor: { id: 'tester', verified: false, via: 'nats' },
      now: timestamp(Date.now()),
      salts: [SALT, SALT],
      environments: new Set(['live']),
    },
  )
  if (decision.type !== 'events') throw new Error(`not created: ${decision.type}`)
  await log.append(stream, 'no_stream', decision.events)
  return id
}

/** A publisher at work; `ended` tells what ended it. */
function publish(over: NatsConnection) {
  const breaks: (string | undefined)[] = []
  const publisher = new Publisher({
    log,
    model,
    connection: over,
    project: PROJECT,
    environments: ['live'],
    graphs: ['writer'],
    onBreak: (reason) => breaks.push(reason?.message),
  })
  const stop = new AbortController()
  const ended = publisher.run(stop.signal).then(
    () => 'stopped' as const,
    (error: Error) => error,
  )
  ends.push(() => {
    stop.abort()
    return ended
  })
  const reached = async () => {
    const head = await log.head()
    await until(
      'the publisher at the end of the log',
      DEADLINE_MS,
      () => publisher.position,
      (at) => at >= head,
    )
  }
  return { ended, breaks, reached, stop }
}

async function expectFeedEqualsLog(): Promise<void> {
  const events = []
  for await (const event of log.readAll()) events.push(event)
  expectSameOrder(await readFeed(connection), events)
}

test('a publisher that another one has taken over from is fenced at its next write', async () => {
  await create()
  const first = publish(await connectTo(nats.url))
  await first.reached()
  const second = publish(await connectTo(nats.url))
  await second.reached()
  expect(await first.ended).toBeInstanceOf(PublisherFenced)
  for (let n = 0; n < 20; n++) await create()
  await second.reached()
  await expectFeedEqualsLog()
})

test('one that was cut off meanwhile, with a checkpoint that is stale by then, publishes nothing twice', async () => {
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: nats.port })
  ends.push(() => proxy.close())
  await create()
  const first = publish(await connectTo(proxy.url))
  await first.reached()
  // What it sends from here on is held back, and reaches the server after what the second one has sent.
  proxy.swallow()
  for (let n = 0; n < 20; n++) await create()
  const second = publish(await connectTo(nats.url))
  await second.reached()
  proxy.heal()
  expect(await first.ended).toBeInstanceOf(PublisherFenced)
  await create()
  await second.reached()
  await expectFeedEqualsLog()
})

test('a beginning that is broken off still takes over, and says what it waits for, once', async () => {
  await create()
  const earlier = publish(await connectTo(nats.url))
  await earlier.reached()
  earlier.stop.abort()
  expect(await earlier.ended).toBe('stopped')

  const over = await connectTo(nats.url)
  await nats.kill()
  const later = publish(over)
  await until(
    'word of the break',
    DEADLINE_MS,
    () => later.breaks.length,
    (count) => count > 0,
  )
  await nats.restart()
  await create()
  await later.reached()
  expect(later.breaks).toEqual([expect.any(String), undefined])
  await expectFeedEqualsLog()
})

test('a key that somebody altered comes back as the log has it', async () => {
  const id = await create()
  const publisher = publish(await connectTo(nats.url))
  await publisher.reached()
  const before = await readBucket(connection)
  const key = `live.writer.${id}`
  const altered = { ...before.get(key), content: { context: { prompt: 'not what was promoted' } } }
  await jetstream(connection).publish(keySubject(PROJECT, key), JSON.stringify(altered))
  await untilEqual('the key as it was', DEADLINE_MS, () => readBucket(connection), before)
  expect(publisher.breaks).not.toContain('fenced')
})
