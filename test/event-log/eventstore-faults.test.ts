// What goes wrong between a service and its event store, with the real client: each way in which the client fails to
// tell, to end or to recover is one that the adapter has to make up for.
import { setTimeout as pause } from 'node:timers/promises'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { Connection } from '../../libs/event-log/src/eventstore/connection.js'
import { failureOf } from '../../libs/event-log/src/eventstore/failures.js'
import { NodeClient } from '../../libs/event-log/src/eventstore/node-client.js'
import { readFrom } from '../../libs/event-log/src/eventstore/read.js'
import type { Resolved } from '../../libs/event-log/src/eventstore/recorded.js'
import { readSettings } from '../../libs/event-log/src/eventstore/settings.js'
import {
  EVENTSTORE_LIMITS,
  type EventStoreLog,
  LogConflict,
  LogInDoubt,
  LogUnavailable,
  openEventStoreLog,
  type RecordedEvent,
} from '../../libs/event-log/src/index.js'
import { between, seededRandom } from '../faults/seeded.js'
import { type StandIn, startStandIn } from '../support/event-store/start.js'
import { startTcpProxy } from '../support/tcp-proxy.js'
import {
  appendSurely,
  collect,
  event,
  fill,
  freshPrefix,
  freshStream,
  numbered,
  numberOf,
  PROJECT,
  range,
} from './events.js'
import { startStaleProxy } from './stale-proxy.js'

jest.setTimeout(120_000)

/** What a slow machine takes on top of a limit. */
const SLACK_MS = 3_000

let standIn: StandIn
const opened: EventStoreLog[] = []

beforeAll(async () => {
  standIn = await startStandIn()
})
afterAll(() => standIn?.stop())
afterEach(async () => {
  await standIn.thaw()
  await Promise.all(opened.splice(0).map((log) => log.close()))
})

async function open(url = standIn.url, project = PROJECT): Promise<EventStoreLog> {
  const log = await openEventStoreLog({ url, project })
  opened.push(log)
  return log
}

/** Milliseconds that something took, and what it failed with. */
async function failure(
  doing: Promise<unknown>,
): Promise<{ readonly error: unknown; readonly took_ms: number }> {
  const began = performance.now()
  const error = await doing.then(
    () => undefined,
    (error: unknown) => error,
  )
  return { error, took_ms: performance.now() - began }
}

/** A follower that notes what it sees, until it is stopped. */
function follow(log: EventStoreLog, prefix: string, after = 0n) {
  const abort = new AbortController()
  const events: RecordedEvent[] = []
  let woken = () => {}
  const running = (async () => {
    for await (const followed of log.follow({ after, prefixes: [prefix], signal: abort.signal })) {
      if (followed.type === 'event') events.push(followed.event)
      woken()
    }
  })()
  return {
    events,
    /** Resolves when it has seen so many events. */
    async has(count: number): Promise<void> {
      while (events.length < count)
        await new Promise<void>((resolve) => {
          woken = resolve
        })
    },
    async stop(): Promise<void> {
      abort.abort()
      await running
    },
  }
}

describe('an append', () => {
  test('that is taken and never answered is in doubt after a bounded time, and settled by the very same events', async () => {
    const log = await open()
    const stream = freshStream()
    const sent = numbered(2)
    const hung = await standIn.fault('hang-append', { times: 1 })
    const first = await failure(log.append(stream, 'no_stream', sent))
    await hung.struck()
    expect(first.error).toBeInstanceOf(LogInDoubt)
    expect(first.took_ms).toBeLessThan(EVENTSTORE_LIMITS.append_ms + SLACK_MS)
    const dropped = await standIn.fault('drop-reply', { times: 1 })
    const second = await failure(log.append(stream, 'no_stream', sent))
    await dropped.struck()
    expect(second.error).toBeInstanceOf(LogInDoubt)
    expect(second.took_ms).toBeLessThan(EVENTSTORE_LIMITS.append_ms + SLACK_MS)
    // That one was written: the same events have its outcome, others conflict with it.
    await expect(log.append(stream, 'no_stream', numbered(1, 9))).rejects.toThrow(LogConflict)
    expect(await log.append(stream, 'no_stream', sent)).toMatchObject({ revision: 1n })
    expect((await collect(log.readStream(stream))).map(numberOf)).toEqual([0, 1])
    expect(log.stats().appendsInDoubt).toBe(2)
  })

  test('needs no capability of the server, which a client asks for once and never again', async () => {
    const features = await standIn.fault('features-internal', { times: 1 })
    const bare = EventStoreDBClient.connectionString(standIn.url)
    const theirs = () => bare.appendToStream(freshStream(), jsonEvent({ type: 'Theirs', data: {} }))
    await expect(theirs()).rejects.toThrow()
    await features.struck()
    // For the rest of the client's life.
    await expect(theirs()).rejects.toThrow()
    await bare.dispose()
    const again = await standIn.fault('features-internal')
    const log = await open()
    expect(await log.append(freshStream(), 'no_stream', numbered(1))).toMatchObject({ revision: 0n })
    await again.takeBack()
  })

  test('is answered over a call of its own, which a second answer to it does not reach', async () => {
    const duplicate = await standIn.fault('duplicate-reply')
    const log = await open()
    for (let n = 0; n < 5; n++) await log.append(freshStream(), 'no_stream', numbered(1))
    await duplicate.takeBack()
  })

  test('is none of the business of another event store that dies in the same process', async () => {
    const other = await startStandIn()
    try {
      const [log, theirs] = [await open(), await open(other.url)]
      const slow = await standIn.fault('delay-replies', { times: 1, ms: 800 })
      const ours = log.append(freshStream(), 'no_stream', numbered(1))
      await slow.struck()
      const hung = await other.fault('hang-append', { times: 1 })
      const lost = failure(theirs.append(freshStream(), 'no_stream', numbered(1)))
      await hung.struck()
      await other.kill()
      expect((await lost).error).toBeInstanceOf(LogInDoubt)
      expect(await ours).toMatchObject({ revision: 0n })
    } finally {
      await other.stop()
    }
  })

  test('conflicts also where the connection string asks that nothing be thrown', async () => {
    const log = await open(`${standIn.url}&throwOnAppendFailure=false`)
    const stream = freshStream()
    await log.append(stream, 'no_stream', numbered(3))
    await expect(log.append(stream, 0n, numbered(1))).rejects.toMatchObject({
      name: 'LogConflict',
      stream,
      expected: 0n,
      actual: 2n,
    })
  })

  test('to a server that is away fails at once and is known not to be written, to one that goes away it is in doubt', async () => {
    const log = await open()
    const stream = freshStream()
    const sent = numbered(1)
    const hung = await standIn.fault('hang-append', { times: 1 })
    const lost = failure(log.append(stream, 'no_stream', sent))
    await hung.struck()
    await standIn.kill()
    expect((await lost).error).toBeInstanceOf(LogInDoubt)
    for (let attempt = 0; attempt < 3; attempt++) {
      const { error, took_ms } = await failure(log.append(stream, 'no_stream', sent))
      expect(error).toBeInstanceOf(LogUnavailable)
      expect(took_ms).toBeLessThan(SLACK_MS)
    }
    await expect(collect(log.readStream(stream))).rejects.toThrow(LogUnavailable)
    await expect(log.head()).rejects.toThrow(LogUnavailable)
    await standIn.restart()
    // With no backoff left over from the time when nobody was there.
    const { took_ms } = await failure(appendSurely(log, stream, 'no_stream', sent))
    expect(took_ms).toBeLessThan(SLACK_MS)
    expect(await collect(log.readStream(stream))).toHaveLength(1)
  })

  test('to a server that says that it is unavailable is in doubt: it may say so at any time', async () => {
    const log = await open()
    const unavailable = await standIn.fault('unavailable', { times: 1 })
    const stream = freshStream()
    const sent = numbered(1)
    await expect(log.append(stream, 'no_stream', sent)).rejects.toThrow(LogInDoubt)
    await unavailable.struck()
    expect(await appendSurely(log, stream, 'no_stream', sent)).toMatchObject({ revision: 0n })
  })

  test('to a cluster that answers nothing ends in bounded time, also while its leader is looked for', async () => {
    const log = await open(`esdb://127.0.0.1:${standIn.port},127.0.0.1:${standIn.port}?tls=false`)
    const stream = freshStream()
    const sent = numbered(1)
    await standIn.freeze()
    for (let attempt = 0; attempt < 3; attempt++) {
      const { error, took_ms } = await failure(log.append(stream, 'no_stream', sent))
      expect(error).toBeInstanceOf(LogInDoubt)
      expect(took_ms).toBeLessThan(EVENTSTORE_LIMITS.append_ms + SLACK_MS)
    }
    await standIn.thaw()
    expect(await appendSurely(log, stream, 'no_stream', sent)).toMatchObject({ revision: 0n })
  })

  test('on a connection that was closed just before it fails, and takes nothing else with it', async () => {
    const client = new NodeClient(readSettings(standIn.url, 'test'))
    const append = () => client.appendToStream(freshStream(), jsonEvent({ type: 'Something', data: {} }))
    await append()
    await client.close()
    const { error } = await failure(append())
    expect(failureOf(error)).toEqual({ type: 'not-sent' })
  })

  test('goes to the leader when it came to somebody else, and so does a read', async () => {
    const log = await open()
    const stream = freshStream()
    const first = await standIn.fault('not-leader', { times: 1 })
    expect(await log.append(stream, 'no_stream', numbered(2))).toMatchObject({ revision: 1n })
    await first.struck()
    const second = await standIn.fault('not-leader', { times: 1 })
    expect(await collect(log.readStream(stream))).toHaveLength(2)
    await second.struck()
    const third = await standIn.fault('not-leader', { times: 1 })
    expect(await log.head()).toBeGreaterThan(0n)
    await third.struck()
  })
})

test('a connection that has gone stale is left for a new one, by appends, reads and followers', async () => {
  const proxy = await startStaleProxy(standIn.port)
  const log = await open(`esdb://127.0.0.1:${proxy.port}?tls=false`)
  const prefix = freshPrefix()
  const stream = `${prefix}a`
  const follower = follow(log, prefix)
  await log.append(stream, 'no_stream', numbered(1))
  await collect(log.readStream(stream))
  await follower.has(1)
  proxy.stale()
  const sent = numbered(1, 1)
  expect((await failure(log.append(stream, 0n, sent))).error).toBeInstanceOf(LogInDoubt)
  const again = await failure(log.append(stream, 0n, sent))
  expect(again.error).toBeUndefined()
  expect(again.took_ms).toBeLessThan(EVENTSTORE_LIMITS.append_ms)
  expect((await failure(collect(log.readStream(stream)))).error).toBeInstanceOf(LogUnavailable)
  expect(await collect(log.readStream(stream))).toHaveLength(2)
  await follower.has(2)
  expect(follower.events.map(numberOf)).toEqual([0, 1])
  await follower.stop()
  await log.close()
  await proxy.close()
})

describe('a frozen server', () => {
  test('ends reads, heads and appends after a bounded time; thawed, all go on', async () => {
    const log = await open()
    const prefix = freshPrefix()
    const stream = `${prefix}a`
    const sent = numbered(1, 1)
    await log.append(stream, 'no_stream', numbered(1))
    const follower = follow(log, prefix)
    await follower.has(1)
    await standIn.freeze()
    const [append, read, head] = await Promise.all([
      failure(log.append(stream, 0n, sent)),
      failure(collect(log.readStream(stream))),
      failure(log.head()),
    ])
    expect(append.error).toBeInstanceOf(LogInDoubt)
    expect(append.took_ms).toBeLessThan(EVENTSTORE_LIMITS.append_ms + SLACK_MS)
    for (const { error, took_ms } of [read, head]) {
      expect(error).toBeInstanceOf(LogUnavailable)
      expect(took_ms).toBeLessThan(EVENTSTORE_LIMITS.read_ms + SLACK_MS)
    }
    await standIn.thaw()
    expect(await appendSurely(log, stream, 0n, sent)).toMatchObject({ revision: 1n })
    expect(await collect(log.readStream(stream))).toHaveLength(2)
    await follower.has(2)
    expect(follower.events.map(numberOf)).toEqual([0, 1])
    expect(log.stats().replacedClients).toBeGreaterThan(0)
    await follower.stop()
  })
})

describe('a follower', () => {
  const ends = {
    'that the server ends as if all were said': () => standIn.fault('end-subscriptions'),
    'that is too slow for the server': () => standIn.fault('abort-subscriptions'),
    'whose connection breaks': () => standIn.fault('kill-sockets'),
    'whose server is killed and comes back': () => standIn.restart(),
  }
  test.each(Object.entries(ends))(
    '%s goes on where it was, with nothing twice and nothing missed',
    async (_, end) => {
      const log = await open()
      const prefix = freshPrefix()
      const follower = follow(log, prefix)
      const soon = async (count: number) => {
        const began = performance.now()
        await follower.has(count)
        // By being told, and not because the events that are owed were missed at last.
        expect(performance.now() - began).toBeLessThan(EVENTSTORE_LIMITS.stall_ms)
      }
      let expected: bigint | 'no_stream' = 'no_stream'
      for (let round = 0; round < 4; round++) {
        for (let n = 0; n < 10; n++)
          expected = (await appendSurely(log, `${prefix}a`, expected, numbered(1, round * 10 + n))).revision
        // Live, and with some of it on the way.
        if (round % 2 === 0) await soon(round * 10 + 5)
        await end()
      }
      await soon(40)
      expect(follower.events.map(numberOf)).toEqual(range(0, 40))
      expect(log.stats().resubscriptions).toBeGreaterThan(0)
      await follower.stop()
    },
  )

  test('whose subscription says nothing any more finds out, by an event that is in the log and does not come', async () => {
    const log = await open()
    const prefix = freshPrefix()
    const follower = follow(log, prefix)
    await log.append(`${prefix}a`, 'no_stream', numbered(1))
    await follower.has(1)
    await standIn.fault('silence-subscriptions')
    await log.append(`${prefix}a`, 0n, numbered(1, 1))
    await follower.has(2)
    expect(follower.events.map(numberOf)).toEqual([0, 1])
    expect(log.stats().resubscriptions).toBe(1)
    await follower.stop()
  })

  test('of a silent connection finds out, by a look that is not answered', async () => {
    const proxy = await startTcpProxy({ host: '127.0.0.1', port: standIn.port })
    const prefix = freshPrefix()
    const writer = await open()
    const log = await open(`esdb://127.0.0.1:${proxy.port}?tls=false`)
    const follower = follow(log, prefix)
    await writer.append(`${prefix}a`, 'no_stream', numbered(1))
    await follower.has(1)
    proxy.swallow()
    await writer.append(`${prefix}a`, 0n, numbered(1, 1))
    while (log.stats().resubscriptions === 0) await pause(50)
    proxy.heal()
    await follower.has(2)
    expect(follower.events.map(numberOf)).toEqual([0, 1])
    await follower.stop()
    await proxy.close()
  })

  test('that is slow gets everything, however often the server gives up on it', async () => {
    const log = await open()
    const prefix = freshPrefix()
    const abort = new AbortController()
    const seen: number[] = []
    const reading = (async () => {
      for await (const followed of log.follow({ prefixes: [prefix], signal: abort.signal })) {
        if (followed.type !== 'event') continue
        seen.push(numberOf(followed.event))
        // The pace of the reader is what is tested.
        if (seen.length % 20 === 0) await pause(50)
        if (seen.length === 2_000) abort.abort()
      }
    })()
    await fill(log, `${prefix}a`, 2_000, 10)
    await reading
    expect(seen).toEqual(range(0, 2_000))
  })

  test('ends without an error when the log is closed, while the server is away too', async () => {
    const log = await open()
    const following = collect(log.follow({ prefixes: [freshPrefix()], signal: new AbortController().signal }))
    await log.append(freshStream(), 'no_stream', numbered(1))
    await standIn.kill()
    const began = performance.now()
    await log.close()
    await following
    expect(performance.now() - began).toBeLessThan(EVENTSTORE_LIMITS.dispose_ms + SLACK_MS)
    await expect(log.append(freshStream(), 'no_stream', numbered(1))).rejects.toThrow(LogUnavailable)
    await expect(collect(log.readAll())).rejects.toThrow(LogUnavailable)
    await standIn.restart()
  })
})

describe('a reader that breaks off', () => {
  test('leaves no call behind: 150 of them, and the connection carries as many as before', async () => {
    const log = await open()
    const stream = freshStream()
    const large = { text: 'x'.repeat(100_000) }
    let expected: bigint | 'no_stream' = 'no_stream'
    for (let n = 0; n < 8; n++)
      expected = (
        await log.append(
          stream,
          expected,
          range(0, 8).map(() => event(large)),
        )
      ).revision
    for (let n = 0; n < 150; n++) for await (const _ of log.readStream(stream)) break
    expect(await collect(log.readStream(stream))).toHaveLength(64)
    // Nor is what it did not want sent after it.
    const proxy = await startStaleProxy(standIn.port)
    const far = await open(`esdb://127.0.0.1:${proxy.port}?tls=false`)
    for (let n = 0; n < 3; n++) for await (const _ of far.readStream(stream)) break
    let passed = -1
    while (passed < proxy.passed) {
      passed = proxy.passed
      await pause(200)
    }
    expect(passed).toBeLessThan(6_400_000)
    await far.close()
    await proxy.close()
  })

  test('leaves nothing in memory either, also where all that it asked for had come', async () => {
    const log = await open()
    const stream = freshStream()
    await log.append(stream, 'no_stream', numbered(100))
    const connection = new Connection(readSettings(standIn.url, 'test'))
    const { client, release } = connection.take()
    const kept = (client as unknown as { readonly disposableStreams: ReadonlySet<unknown> }).disposableStreams
    for (let n = 0; n < 5; n++) {
      const events = readFrom<Resolved>(connection, (client) => client.readStream(stream), [])
      await events.next()
      // The whole answer is small, and here by now.
      await pause(100)
      await events.return(undefined)
    }
    for (let waited = 0; kept.size > 0 && waited < 200; waited++) await pause(10)
    expect(kept.size).toBe(0)
    release()
    await connection.close()
  })
})

test('under kills, cuts and freezes no acknowledged append is lost, none is there twice, and followers see each once', async () => {
  const random = seededRandom('an event store that fails')
  const log = await open()
  const prefix = freshPrefix()
  const follower = follow(log, prefix)
  const stop = new AbortController()
  let inDoubt = 0
  const writers = range(0, 8).map(async (writer) => {
    const stream = `${prefix}${writer}`
    const ids: string[] = []
    let expected: bigint | 'no_stream' = 'no_stream'
    while (!stop.signal.aborted) {
      const sent = numbered(2, ids.length)
      const failed = (error: Error) => {
        if (error instanceof LogInDoubt) inDoubt += 1
      }
      expected = (await appendSurely(log, stream, expected, sent, failed)).revision
      ids.push(...sent.map(({ id }) => id))
    }
    return { stream, ids }
  })
  for (const trouble of ['kill-sockets', 'kill', 'kill-sockets', 'freeze', 'kill'] as const) {
    // When it falls is the fault under test.
    await pause(between(random, 200, 600))
    if (trouble === 'kill-sockets') await standIn.fault('kill-sockets')
    else if (trouble === 'kill') await standIn.restart()
    else {
      await standIn.freeze()
      await pause(between(random, 100, 4_000))
      await standIn.thaw()
    }
  }
  await pause(300)
  stop.abort()
  const written = await Promise.all(writers)
  let total = 0
  for (const { stream, ids } of written) {
    expect((await collect(log.readStream(stream))).map(({ id }) => id)).toEqual(ids)
    total += ids.length
  }
  await follower.has(total)
  const stored = await collect(
    log.readAll({ prefixes: [prefix], after: (follower.events[0]?.position ?? 1n) - 1n }),
  )
  expect(follower.events).toEqual(stored)
  expect(inDoubt).toBeGreaterThan(0)
  await follower.stop()
})

test('events that somebody else appends are seen as well', async () => {
  const log = await open()
  const prefix = freshPrefix()
  const follower = follow(log, prefix)
  const connection = new Connection(readSettings(standIn.url, 'test'))
  await connection.use((client) =>
    client.appendToStream(`${prefix}a`, jsonEvent({ type: 'Theirs', data: { n: 7 } })),
  )
  await follower.has(1)
  expect(follower.events.map(numberOf)).toEqual([7])
  await follower.stop()
  await connection.close()
})
