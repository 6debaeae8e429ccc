// The publisher over a real log, a real projection and a real nats-server: its fence, its repairs, and what it says of
// a NATS that is away.
import { keySubject, PublisherFenced } from '@assistant-ledger/change-feed'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { jetstream } from '@nats-io/jetstream'
import { PROJECT } from '../faults/commands.js'
import { readBucket } from '../faults/records.js'
import { until, untilEqual } from '../faults/until.js'
import { startTcpProxy } from '../support/tcp-proxy.js'
import { DEADLINE_MS, Feed } from './feed.js'

jest.setTimeout(60_000)

let feed: Feed
beforeEach(async () => {
  feed = await Feed.begin()
})
afterEach(() => feed.end())

test('a publisher that another one has taken over from is fenced at its next write', async () => {
  await feed.create()
  const first = feed.publish(await feed.connectTo(feed.nats.url))
  await first.reached()
  const second = feed.publish(await feed.connectTo(feed.nats.url))
  await second.reached()
  expect(await first.ended).toBeInstanceOf(PublisherFenced)
  for (let n = 0; n < 20; n++) await feed.create()
  await second.reached()
  await feed.expectFeedEqualsLog()
})

test('one that was cut off meanwhile, with a checkpoint that is stale by then, publishes nothing twice', async () => {
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: feed.nats.port })
  feed.defer(() => proxy.close())
  await feed.create()
  const first = feed.publish(await feed.connectTo(proxy.url))
  await first.reached()
  // What it sends from here on is held back, and reaches the server after what the second one has sent.
  proxy.swallow()
  for (let n = 0; n < 20; n++) await feed.create()
  const second = feed.publish(await feed.connectTo(feed.nats.url))
  await second.reached()
  proxy.heal()
  expect(await first.ended).toBeInstanceOf(PublisherFenced)
  await feed.create()
  await second.reached()
  await feed.expectFeedEqualsLog()
})

test('a beginning that is broken off still takes over, and says what it waits for, once', async () => {
  await feed.create()
  const earlier = feed.publish(await feed.connectTo(feed.nats.url))
  await earlier.reached()
  expect(await earlier.stop()).toBe('stopped')

  const over = await feed.connectTo(feed.nats.url)
  await feed.nats.kill()
  const later = feed.publish(over)
  await until(
    'word of the break',
    DEADLINE_MS,
    () => later.breaks.length,
    (count) => count > 0,
  )
  await feed.nats.restart()
  await feed.create()
  await later.reached()
  expect(later.breaks).toEqual([expect.any(String), undefined])
  await feed.expectFeedEqualsLog()
})

test('one that is about to take over is not fenced by the last writes of the one before', async () => {
  await feed.create()
  const first = feed.publish(await feed.connectTo(feed.nats.url))
  await first.reached()
  const { model, begin } = await feed.standing(feed.source.log)
  const second = feed.publish(await feed.connectTo(feed.nats.url), { ...feed.source, model })
  // It has looked at what NATS has, and waits for its projection.
  await until(
    'word of the wait',
    DEADLINE_MS,
    () => second.breaks,
    ({ length }) => length > 0,
  )
  await feed.create()
  await first.reached()
  begin()
  await second.reached()
  expect(await first.ended).toBeInstanceOf(PublisherFenced)
  await feed.create()
  await second.reached()
  expect(second.breaks.at(-1)).toBeUndefined()
  await feed.expectFeedEqualsLog()
})

test('a key that somebody altered comes back as the log has it', async () => {
  const id = await feed.create()
  const publisher = feed.publish(await feed.connectTo(feed.nats.url))
  await publisher.reached()
  const before = await readBucket(feed.connection)
  const key = `live.writer.${id}`
  const altered = { ...before.get(key), content: { context: { prompt: 'not what was promoted' } } }
  await jetstream(feed.connection).publish(keySubject(PROJECT, key), JSON.stringify(altered))
  await untilEqual('the key as it was', DEADLINE_MS, () => readBucket(feed.connection), before)
  expect(publisher.breaks).not.toContain('fenced')
})
