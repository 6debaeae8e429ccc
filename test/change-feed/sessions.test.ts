// How a publisher begins, and what it must not do: it waits for a rebuild, writes nothing twice, leaves sound streams
// as they are, and makes again what is gone.
import { bucketStream, eventStream } from '@assistant-ledger/change-feed'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { jetstreamManager } from '@nats-io/jetstream'
import { PROJECT } from '../faults/commands.js'
import { readBucket, readFeed } from '../faults/records.js'
import { pause, until, untilEqual } from '../faults/until.js'
import { startTcpProxy } from '../support/tcp-proxy.js'
import { DEADLINE_MS, Feed } from './feed.js'

jest.setTimeout(60_000)

let feed: Feed
beforeEach(async () => {
  feed = await Feed.begin()
})
afterEach(() => feed.end())

const begin = async (source = feed.source) => feed.publish(await feed.connectTo(feed.nats.url), source)

/** Sequence of the last write to each configuration key. */
async function sequences(): Promise<Map<string, number>> {
  const manager = await jetstreamManager(feed.connection)
  const all = new Map<string, number>()
  for (const key of (await readBucket(feed.connection)).keys()) {
    const last_by_subj = `$KV.assistant_configs_${PROJECT}.${key}`
    all.set(key, (await manager.streams.getMessage(bucketStream(PROJECT), { last_by_subj }))?.seq ?? 0)
  }
  return all
}

test('a projection that is behind what was published is waited for, and that is said', async () => {
  for (let n = 0; n < 5; n++) await feed.create()
  const first = await begin()
  await first.reached()
  await first.stop()
  const before = await readBucket(feed.connection)
  const copy = await feed.open()
  // Of the very same log, as far as NATS can tell, but projected up to its first event only.
  const model = Object.create(copy.model, {
    ledger: { get: () => feed.source.model.ledger },
    position: { get: () => copy.model.position },
  })
  const later = await begin({ ...feed.source, model })
  const { answer } = await until(
    'word of the wait',
    DEADLINE_MS,
    () => later.breaks,
    (breaks) => breaks.length > 0,
  )
  expect(answer[0]).toContain('publication waits for it')
  expect(await readBucket(feed.connection)).toEqual(before)
})

test('a new epoch has every key written again, and the feed whole; a restart writes none', async () => {
  for (let n = 0; n < 5; n++) await feed.create()
  const first = await begin()
  await first.reached()
  await feed.raise(2)
  const inEpoch = async () => [...(await readBucket(feed.connection)).values()].map(({ epoch }) => epoch)
  await untilEqual('every key in the next epoch', DEADLINE_MS, inEpoch, [2, 2, 2, 2, 2])
  await first.stop()

  const before = await sequences()
  const second = await begin()
  await second.reached()
  await feed.expectFeedEqualsLog()
  expect(await sequences()).toEqual(before)
})

test('events older than the retention are not published', async () => {
  await feed.create(feed.source, 40)
  const young = await feed.create()
  await (await begin()).reached()
  const ids = (await readFeed(feed.connection)).map(({ assistantId }) => assistantId)
  expect(new Set(ids)).toEqual(new Set([young]))
  expect((await readBucket(feed.connection)).size).toBe(2)
})

test.each([
  { what: 'bucket', name: bucketStream(PROJECT) },
  { what: 'event stream', name: eventStream(PROJECT) },
])('a $what that is deleted under a publisher comes back, equal', async ({ name }) => {
  for (let n = 0; n < 5; n++) await feed.create()
  await (await begin()).reached()
  const before = await readBucket(feed.connection)
  const manager = await jetstreamManager(feed.connection)
  await manager.streams.delete(name)
  await untilEqual('the bucket as it was', 30_000, () => readBucket(feed.connection), before)
  await until('the feed as it was', 30_000, () => feed.expectFeedEqualsLog().then(() => true), Boolean)
})

test('what is not acknowledged is given up after 5 s, and at a break at once', async () => {
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: feed.nats.port })
  feed.defer(() => proxy.close())
  await feed.create()
  const publisher = feed.publish(await feed.connectTo(proxy.url))
  await publisher.reached()
  proxy.swallow()
  await until(
    'word of the silence',
    9_000,
    () => publisher.breaks.length,
    (count) => count > 0,
  )
  expect(publisher.breaks[0]).toContain('no answer')
  proxy.heal()
  await feed.create()
  await publisher.reached()
  await feed.expectFeedEqualsLog()
  await pause(100)
  const breaks = publisher.breaks.length
  proxy.swallow()
  await feed.create()
  await pause(100)
  proxy.cut()
  await until(
    'word of the break',
    2_000,
    () => publisher.breaks.length,
    (count) => count > breaks,
  )
  expect(publisher.breaks.at(-1)).toContain('the connection broke')
})
