// What an event store may hold that the port cannot write, or that others wrote: it is left out, or comes as it stands.
import { randomUUID } from 'node:crypto'
import { binaryEvent, EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import {
  type EventStoreLog,
  type ExpectedRevision,
  LogRejected,
  type ReadStreamOptions,
  type RecordedEvent,
} from '../../libs/event-log/src/index.js'
import { collect, event, freshPrefix, freshStream, numbered, numberOf, PROJECT } from './events.js'

export function describeEventStore(url: () => string, open: () => Promise<EventStoreLog>): void {
  let log: EventStoreLog
  let client: EventStoreDBClient
  beforeAll(async () => {
    log = await open()
    client = EventStoreDBClient.connectionString(url())
  })
  afterAll(async () => {
    await log?.close()
    await client?.dispose()
  })

  /** What a follower yields past a position, up to where the log ends now. */
  async function followed(after: bigint, prefixes: readonly string[] | undefined): Promise<RecordedEvent[]> {
    const head = await log.head()
    const events: RecordedEvent[] = []
    const { signal } = new AbortController()
    for await (const seen of log.follow({ after, signal, ...(prefixes ? { prefixes } : {}) }))
      if (seen.type === 'event') events.push(seen.event)
      else if (seen.position >= head) break
    return events
  }

  test('neither links, metadata and other system events nor streams of other projects are seen', async () => {
    const prefix = freshPrefix()
    const stream = `${prefix}a`
    const after = await log.head()
    const [sent] = numbered(1)
    await log.append(stream, 'no_stream', [sent as never])
    await client.setStreamMetadata(stream, { maxCount: 1_000 })
    const link = { type: '$>', data: new TextEncoder().encode(`0@${stream}`) }
    await client.appendToStream(`${prefix}links`, binaryEvent(link))
    // A project whose name begins as ours does, and one that has ours at the end.
    const others = [
      `contract.${PROJECT}2-a`,
      `contract.${PROJECT}2`,
      `contract.other${PROJECT}-a`,
      `${PROJECT}-a`,
    ]
    for (const other of others) await client.appendToStream(other, jsonEvent({ type: 'Something', data: {} }))
    const prefixes = [prefix, `contract.${PROJECT}2`, `contract.${PROJECT}`]
    const expected = [{ id: sent?.id, stream }]
    const told = (events: readonly RecordedEvent[]) =>
      events
        .filter(({ stream }) => stream.startsWith(prefix) || others.includes(stream))
        .map(({ id, stream }) => ({ id, stream }))
    expect(told(await collect(log.readAll({ prefixes, after })))).toEqual(expected)
    expect(told(await collect(log.readAll({ prefixes, direction: 'backward', limit: 1 })))).toEqual(expected)
    expect(told(await collect(log.readAll({ after })))).toEqual(expected)
    expect(told(await followed(after, prefixes))).toEqual(expected)
    expect(told(await followed(after, undefined))).toEqual(expected)
    expect(told(await followed(after, []))).toEqual([])
    expect(await collect(log.readStream(`${prefix}links`))).toEqual([])
  })

  test('binary data and metadata come as bytes, malformed JSON as its text', async () => {
    const stream = freshStream()
    const after = await log.head()
    const bytes = Uint8Array.from([0, 255, 128, 1])
    await client.appendToStream(stream, [
      binaryEvent({ type: 'Bytes', data: bytes, metadata: Buffer.from(bytes) }),
      jsonEvent({ type: 'Text', data: {}, metadata: Buffer.from('{"half":') }),
      { ...jsonEvent({ type: 'None', data: 'text' }) },
    ])
    const read = await collect(log.readStream(stream))
    expect(read.map(({ type }) => type)).toEqual(['Bytes', 'Text', 'None'])
    expect(Buffer.from(read[0]?.data as Uint8Array)).toEqual(Buffer.from(bytes))
    expect(Buffer.from(read[0]?.metadata as Uint8Array)).toEqual(Buffer.from(bytes))
    expect(Buffer.from(read[1]?.metadata as Uint8Array).toString()).toBe('{"half":')
    expect(read[2]).toMatchObject({ data: 'text', metadata: undefined })
    expect((await collect(log.readAll({ prefixes: [stream], after }))).map(({ id }) => id)).toEqual(
      read.map(({ id }) => id),
    )
    expect((await followed(after, [stream])).map(({ id }) => id)).toEqual(read.map(({ id }) => id))
  })

  test('what is sent is what was given, whatever the caller does to it afterwards', async () => {
    const stream = freshStream()
    const data = { n: 1, list: ['a'] }
    const appending = log.append(stream, 'no_stream', [event(data)])
    data.n = 2
    data.list.push('b')
    await appending
    expect((await collect(log.readStream(stream)))[0]?.data).toEqual({ n: 1, list: ['a'] })
  })

  test('a deleted stream has no events, and goes on counting when it is written to again', async () => {
    const stream = freshStream()
    await log.append(stream, 'no_stream', numbered(3))
    await client.deleteStream(stream)
    expect(await collect(log.readStream(stream))).toEqual([])
    expect(await collect(log.readStream(stream, { direction: 'backward' }))).toEqual([])
    expect(await log.append(stream, 'no_stream', numbered(1, 9))).toMatchObject({ revision: 3n })
    expect((await collect(log.readStream(stream))).map(numberOf)).toEqual([9])
  })

  test('a stream that was deleted for good has no events, and takes none', async () => {
    const prefix = freshPrefix()
    const stream = `${prefix}a`
    const after = await log.head()
    const sent = numbered(2)
    await log.append(stream, 'no_stream', sent)
    await client.tombstoneStream(stream)
    expect(await collect(log.readStream(stream))).toEqual([])
    for (const expected of ['no_stream', 1n, 2n] as const) {
      const refused = await log.append(stream, expected, numbered(1)).catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(LogRejected)
      expect(refused).toMatchObject({ reason: 'deleted' })
    }
    // The tombstone itself is the store's own; what was there before stays in the log.
    expect((await collect(log.readAll({ prefixes: [prefix], after }))).map(({ id }) => id)).toEqual(
      sent.map(({ id }) => id),
    )
  })

  test('revisions beyond what the server can count are beyond every stream', async () => {
    const stream = freshStream()
    await log.append(stream, 'no_stream', numbered(3))
    const read = async (options: ReadStreamOptions) =>
      (await collect(log.readStream(stream, options))).map(numberOf)
    expect(await read({ from: 2n ** 70n })).toEqual([])
    expect(await read({ from: 2n ** 70n, direction: 'backward' })).toEqual([2, 1, 0])
  })

  test('names that the event store keeps for itself are rejected', async () => {
    await expect(log.append('$settings', 'no_stream', numbered(1))).rejects.toThrow(LogRejected)
    await expect(log.append(freshStream(), 'no_stream', [{ ...event(), type: '$>' }])).rejects.toThrow(
      LogRejected,
    )
    await expect(
      log.append(freshStream(), 'no_stream', [{ ...event(), id: randomUUID().toUpperCase() }]),
    ).rejects.toThrow(LogRejected)
  })

  test('an event that was cut from its stream or whose stream keeps none is not seen in it', async () => {
    const stream = freshStream()
    await log.append(stream, 'no_stream', numbered(10))
    await client.setStreamMetadata(stream, { truncateBefore: 7 })
    expect((await collect(log.readStream(stream))).map(numberOf)).toEqual([7, 8, 9])
    expect((await collect(log.readStream(stream, { from: 8n, limit: 1 }))).map(numberOf)).toEqual([8])
  })

  test('more unfinished reads than one connection carries leave an append its way', async () => {
    const stream = freshStream()
    const large = { text: 'x'.repeat(50_000) }
    let expected: ExpectedRevision = 'no_stream'
    for (let n = 0; n < 4; n++)
      expected = (
        await log.append(
          stream,
          expected,
          Array.from({ length: 20 }, () => event(large)),
        )
      ).revision
    const readers = Array.from({ length: 110 }, () => log.readStream(stream)[Symbol.asyncIterator]())
    let begun = 0
    const first = readers.map((reader) =>
      reader.next().then(
        () => {
          begun += 1
        },
        () => undefined,
      ),
    )
    await Promise.race(first)
    expect(await log.append(stream, expected, numbered(1))).toMatchObject({ revision: 80n })
    await Promise.all(readers.map((reader) => reader.return?.()))
    await Promise.all(first)
    expect(begun).toBeGreaterThan(50)
    expect(await collect(log.readStream(stream))).toHaveLength(81)
  })
}
