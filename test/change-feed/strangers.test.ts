// What somebody who is no publisher writes into the bucket or the stream is noticed and put right: no client is kept
// from going live by it.
import { randomUUID } from 'node:crypto'
import {
  digestPart,
  eventStream,
  eventSubject,
  keySubject,
  type Watermark,
  watermarkKey,
} from '@assistant-ledger/change-feed'
import { followAssistants } from '@assistant-ledger/client'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { headers } from '@nats-io/transport-node'
import { PROJECT } from '../faults/commands.js'
import { BUCKET, readBucket } from '../faults/records.js'
import { until } from '../faults/until.js'
import { DEADLINE_MS, Feed } from './feed.js'

jest.setTimeout(60_000)

let feed: Feed
beforeEach(async () => {
  feed = await Feed.begin()
})
afterEach(() => feed.end())

/** Whether the watermark says what is in the bucket. */
async function watermarkFits(): Promise<boolean> {
  const manager = await jetstreamManager(feed.connection)
  const subject = keySubject(PROJECT, watermarkKey('live.writer'))
  const message = await manager.streams.getMessage(BUCKET, { last_by_subj: subject })
  const sum = Buffer.alloc(32)
  const bucket = await readBucket(feed.connection)
  for (const [key, { log_id, epoch, revision }] of bucket) {
    const part = digestPart(key, { logId: log_id, epoch, revision: Number(revision) })
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) ^ (part[i] ?? 0)
  }
  const watermark = message?.json<Watermark>()
  return watermark?.count === bucket.size && watermark.digest === sum.toString('hex')
}

test.each([
  {
    what: 'of this log and epoch',
    key: (id: string) => `live.writer.${id}`,
    order: { epoch: 1, revision: 3 },
    to: 4,
  },
  {
    what: 'of this log and a later epoch',
    key: (id: string) => `live.writer.${id}`,
    order: { epoch: 9, revision: 3 },
    to: -1,
  },
  {
    what: 'that names more than an assistant',
    key: (id: string) => `live.writer.${id}.more`,
    order: { epoch: 1, revision: 0 },
    to: 1,
  },
  { what: 'without an order', key: (id: string) => `live.writer.${id}`, order: {}, to: -1 },
])(
  'a key $what that a stranger writes - becomes a tombstone, and a client goes live',
  async ({ key, order, to }) => {
    await feed.create()
    const publisher = feed.publish(await feed.connectTo(feed.nats.url))
    await publisher.reached()
    const id = randomUUID() as string
    const value = {
      v: 1,
      log_id: feed.source.logId,
      position: '1',
      assistant_id: id,
      environment: 'live',
      ...order,
    }
    await jetstream(feed.connection).publish(keySubject(PROJECT, key(id)), JSON.stringify(value))
    const { answer } = await until(
      'the stray key as a tombstone',
      DEADLINE_MS,
      async () => (await readBucket(feed.connection)).get(key(id)),
      (found) => found?.state === 'deleted',
    )
    expect(answer?.revision).toBe(to)
    await until('a watermark that fits', DEADLINE_MS, watermarkFits, (fits) => fits)
    const client = await followAssistants({
      servers: feed.nats.url,
      environment: 'live',
      graphs: ['writer'],
      runner: { name: 'beside-a-stranger', build: 'test' },
    })
    feed.defer(() => client.close())
    await until(
      'a live client',
      DEADLINE_MS,
      () => client.status().state,
      (state) => state === 'live',
    )
    await publisher.stop()

    // Buried once: a later start leaves it as it is.
    const before = await readBucket(feed.connection)
    await feed.publish(await feed.connectTo(feed.nats.url)).reached()
    expect(await readBucket(feed.connection)).toEqual(before)
  },
)

test('a message that a stranger puts on the event stream - the stream is made again from the log', async () => {
  const id = await feed.create()
  const publisher = feed.publish(await feed.connectTo(feed.nats.url))
  await publisher.reached()
  await publisher.stop()
  const strange = headers()
  strange.set('Ledger-Position', String(await feed.source.log.head()))
  await jetstream(feed.connection).publish(eventSubject(PROJECT, id), '{}', { headers: strange })
  await feed.publish(await feed.connectTo(feed.nats.url)).reached()
  await feed.expectFeedEqualsLog()
})

test('bucket lost and log replaced - the event stream is of the new log alone', async () => {
  for (let n = 0; n < 5; n++) await feed.create()
  const publisher = feed.publish(await feed.connectTo(feed.nats.url))
  await publisher.reached()
  await publisher.stop()
  const manager = await jetstreamManager(feed.connection)
  await manager.streams.delete(BUCKET)
  const other = await feed.open()
  for (let n = 0; n < 5; n++) await feed.create(other)
  await feed.publish(await feed.connectTo(feed.nats.url), other).reached()
  await feed.expectFeedEqualsLog(other)
})

test('bucket lost, the log still there - the event stream is left as it is', async () => {
  for (let n = 0; n < 5; n++) await feed.create()
  const publisher = feed.publish(await feed.connectTo(feed.nats.url))
  await publisher.reached()
  await publisher.stop()
  const manager = await jetstreamManager(feed.connection)
  const { created } = await manager.streams.info(eventStream(PROJECT))
  await manager.streams.delete(BUCKET)
  await feed.create()
  await feed.publish(await feed.connectTo(feed.nats.url)).reached()
  await feed.expectFeedEqualsLog()
  expect((await manager.streams.info(eventStream(PROJECT))).created).toBe(created)
})
