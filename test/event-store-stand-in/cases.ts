// The stand-in answers the real client as the server does: cases with what EventStoreDB 23.10.6 was seen to do. They run
// on the stand-in always, and on a real server when there is one; that one should be idle, as checkpoints count others'
// events too.
import { randomUUID } from 'node:crypto'
import {
  binaryEvent,
  type EventData,
  jsonEvent,
  type Position,
  streamNameFilter,
} from '@eventstore/db-client'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { APPEND_CASES, seenAfter } from './append-cases.js'
import { Watched } from './follow.js'
import { event, events, failure, freshStream, type Path, revisions, Server } from './observe.js'
import { rawBatch } from './raw-batch.js'
import { given, nameOf, READ_CASES } from './read-cases.js'

const MIB = 1024 * 1024
const PATHS: readonly Path[] = ['classic', 'batch']

export function describeCases(url: () => string): void {
  let server: Server
  const answer = (promise: Promise<unknown>) => promise.then(() => 'written', failure)

  beforeAll(() => {
    server = new Server(url())
  })

  afterAll(() => server.close())

  describe.each(PATHS)('%s append', (path) => {
    test.each(APPEND_CASES.map((one) => [one.name, one] as const))('%s', async (_name, one) => {
      const { hasPosition, ...seen } = await seenAfter(server, path, one)
      expect(seen).toEqual({ answer: one.answer, left: one.left })
      if (one.position !== undefined) expect(hasPosition).toBe(one.position)
    })

    const data = (bytes: number) => binaryEvent({ type: 'Big', data: Buffer.alloc(bytes) })
    test.each<[string, EventData[], string]>([
      ['as large as can be', [data(MIB)], 'written'],
      ['too large', [data(MIB + 1)], 'maximum-append-size-exceeded'],
      ['too large in all', [data(0.6 * MIB), data(0.6 * MIB)], 'maximum-append-size-exceeded'],
      [
        'large metadata, which does not count',
        [jsonEvent({ type: 'T', data: {}, metadata: { a: 'a'.repeat(1.5 * MIB) } })],
        'written',
      ],
    ])('%s', async (_name, what, expected) => {
      expect(await answer(server.append(freshStream(), what, 'no_stream', path))).toBe(expected)
    })

    test('a conflict says which stream, what was expected, what is there, and nothing in words', async () => {
      const stream = freshStream()
      await server.append(stream, events(2), 'no_stream', path)
      const { streamName, expectedVersion, actualVersion, message, code } = await server
        .append(stream, events(1), 7n, path)
        .catch((error) => error)
      expect({ streamName, expectedVersion, actualVersion, message, code }).toEqual({
        streamName: stream,
        expectedVersion: 7n,
        actualVersion: 1n,
        message: '',
        code: undefined,
      })
    })

    test('a deadline that has passed', async () => {
      const options = path === 'classic' ? { credentials: { username: 'a', password: 'b' } } : {}
      const late = server.client.appendToStream(freshStream(), event(), { ...options, deadline: -1_000 })
      expect(await answer(late)).toBe('deadline-exceeded')
    })

    test('an append in several chunks is one', async () => {
      const stream = freshStream()
      const options = path === 'classic' ? { credentials: { username: 'a', password: 'b' } } : {}
      await server.client.appendToStream(stream, events(50), { ...options, batchAppendSize: 256 })
      expect(await answer(server.append(stream, events(1), 49n, path))).toBe('written')
    })
  })

  test.each([
    ['an id that is none', event({}, 'nonsense')],
    ['no type', { ...event(), type: '' }],
  ])('classic append %s', async (_name, what) => {
    const threw = 'unknown: 2 UNKNOWN: Exception was thrown by handler.'
    expect(await answer(server.append(freshStream(), [what], 'no_stream'))).toBe(threw)
  })

  test('batch append with an id that is none: two answers, of which the client does not survive the second', async () => {
    expect(await rawBatch(url(), freshStream(), 'nonsense')).toEqual(['BadRequest', 'Timeout'])
  })

  describe('reads', () => {
    test.each(READ_CASES.map((one) => [nameOf(one), one] as const))('%s', async (_name, one) => {
      expect(await given(server, one)).toBe(one.gives)
    })

    test('a stream that there is not', async () => {
      expect(await revisions(server.client.readStream(freshStream()))).toBe('stream-not-found')
    })

    test('events as they were appended', async () => {
      const stream = freshStream()
      const sent = [
        jsonEvent({ type: 'A', data: { a: [1, 'ü'] }, metadata: { m: 1 } }),
        jsonEvent({ type: 'B', data: 'text' as never }),
        binaryEvent({ type: 'C', data: Buffer.from([0, 255]), metadata: Buffer.from([1]) }),
        {
          ...binaryEvent({ type: 'D', data: Buffer.from('{"broken') }),
          contentType: 'application/octet-stream' as const,
        },
      ]
      const { position } = await server.append(stream, sent, 'no_stream')
      const seen = []
      for await (const { event, commitPosition } of server.client.readStream(stream))
        if (event) seen.push({ ...event, positioned: event.position?.commit === commitPosition })
      expect(
        seen.map(({ created, position: _, ...rest }) => ({
          ...rest,
          isRecent: Math.abs(created.getTime() - Date.now()) < 60_000,
        })),
      ).toEqual(
        sent.map(({ id, type, contentType, data, metadata }, i) => ({
          id,
          type,
          streamId: stream,
          revision: BigInt(i),
          data: contentType === 'application/json' ? data : new Uint8Array(data as Uint8Array),
          metadata: metadata instanceof Uint8Array ? new Uint8Array(metadata) : metadata,
          isJson: contentType === 'application/json',
          isRecent: true,
          positioned: true,
        })),
      )
      expect(seen.at(-1)?.position).toEqual(position)
      const commits = seen.map(({ position: at }) => at?.commit ?? 0n)
      expect(commits.every((commit, i) => i === 0 || commit > (commits[i - 1] ?? 0n) + 1n)).toBe(true)
    })

    test('a metastream keeps its newest event', async () => {
      const stream = freshStream()
      await server.client.setStreamMetadata(stream, { maxCount: 5 })
      await server.client.setStreamMetadata(stream, { maxCount: 6 })
      expect(await revisions(server.client.readStream(`$$${stream}`))).toBe('1')
      expect((await server.client.getStreamMetadata(stream)).metadata).toEqual({ maxCount: 6 })
    })

    test('links, followed when that is asked for', async () => {
      const stream = freshStream()
      const links = freshStream()
      await server.fill(stream, 3)
      const to = [`2@${stream}`, `9@${stream}`, 'nonsense'].map((text) =>
        binaryEvent({ type: '$>', data: Buffer.from(text) }),
      )
      await server.append(links, to, 'no_stream')
      const seen = async (resolveLinkTos: boolean) => {
        const all: string[] = []
        for await (const { event, link } of server.client.readStream(links, { resolveLinkTos }))
          all.push(`${event?.type} ${event?.revision} ${link?.type} ${link?.revision}`)
        return all
      }
      const none = 'undefined undefined'
      expect(await seen(false)).toEqual([`$> 0 ${none}`, `$> 1 ${none}`, `$> 2 ${none}`])
      expect(await seen(true)).toEqual(['Something 2 $> 0', `${none} $> 1`, `$> 2 ${none}`])
    })
  })

  describe('the whole log', () => {
    let stream: string
    let at: bigint[]
    const position = (commit: bigint): Position => ({ commit, prepare: commit })
    const read = (
      direction: 'forwards' | 'backwards',
      fromPosition: Position | 'start' | 'end',
      maxCount = 2,
    ) => revisions(only(server.client.readAll({ direction, fromPosition, maxCount })))
    const CANNOT = 'unknown: 2 UNKNOWN: Unexpected ReadAllResult: Error'

    /** Others may write meanwhile: their events are not told apart. */
    async function* only(all: ReturnType<Server['client']['readAll']>) {
      for await (const one of all) if (one.event?.streamId === stream) yield one
    }

    beforeAll(async () => {
      stream = freshStream()
      await server.fill(stream, 4)
      at = (await server.positions(stream)).map(({ commit }) => commit)
    })

    test('forward from a position, with the event there', async () => {
      expect(await read('forwards', position(at[1] as bigint))).toBe('1 2')
    })

    test('backward from a position, without the event there', async () => {
      expect(await read('backwards', position(at[2] as bigint))).toBe('1 0')
    })

    test('from amid an event', async () => {
      expect(await read('forwards', position((at[1] as bigint) + 1n))).toBe(CANNOT)
      expect(await read('backwards', position((at[1] as bigint) + 1n))).toBe(CANNOT)
    })

    test('from past the end', async () => {
      expect(await read('forwards', position(1n << 62n))).toBe('')
      expect(await read('backwards', position(1n << 62n))).toBe(CANNOT)
      expect(await read('forwards', 'end')).toBe('')
    })

    test('from the start backward there is nothing, and forward there is more than the tests wrote', async () => {
      expect(await read('backwards', 'start')).toBe('')
      for await (const { event } of server.client.readAll({ maxCount: 1 })) expect(event?.type).toMatch(/^\$/)
    })

    test('a tombstone is in it, at the greatest revision', async () => {
      const gone = freshStream()
      await server.fill(gone, 1)
      const { position: written } = await server.client.tombstoneStream(gone)
      if (!written) throw new Error('no position')
      for await (const { event } of server.client.readAll({ fromPosition: written, maxCount: 1 }))
        expect([event?.type, event?.revision, event?.isJson]).toEqual([
          '$streamDeleted',
          9_223_372_036_854_775_807n,
          false,
        ])
    })

    test('what is deleted or truncated is still in it', async () => {
      const deleted = freshStream()
      const { position: first } = await server.fill(deleted, 1)
      await server.client.deleteStream(deleted)
      if (!first) throw new Error('no position')
      for await (const { event } of server.client.readAll({ fromPosition: first, maxCount: 1 }))
        expect(event?.streamId).toBe(deleted)
    })
  })

  describe('subscriptions to a stream', () => {
    const watch = (stream: string, fromRevision: bigint | 'start' | 'end' = 'start') =>
      new Watched(
        server.subscriber.subscribeToStream(stream, { fromRevision }),
        (_, revision) => `${revision}`,
      )

    test.each<[bigint | 'start' | 'end', string]>([
      ['start', 'confirmation 0 1 2 caughtUp 3'],
      [1n, 'confirmation 2 caughtUp 3'],
      [2n, 'confirmation caughtUp 3'],
      ['end', 'confirmation caughtUp 3'],
    ])('from %s: after it, confirmed first, caught up, then live', async (from, seen) => {
      const stream = freshStream()
      await server.fill(stream, 3)
      const watched = watch(stream, from)
      await watched.until('caughtUp')
      await server.fill(stream, 1)
      await watched.until('3')
      expect(await watched.stop()).toBe(seen)
    })

    test('one that is not there yet has caught up when it is', async () => {
      const stream = freshStream()
      const watched = watch(stream)
      await watched.until('confirmation')
      await server.fill(stream, 2)
      expect(await watched.until('caughtUp')).toBe('confirmation 0 1 caughtUp')
      await watched.stop()
    })

    test('a deleted one goes on when it begins again', async () => {
      const stream = freshStream()
      await server.fill(stream, 2)
      await server.client.deleteStream(stream)
      const watched = watch(stream)
      await watched.until('confirmation')
      await server.fill(stream, 1)
      expect(await watched.until('caughtUp')).toBe('confirmation 2 caughtUp')
      await watched.stop()
    })

    test('a truncated one begins where it was cut', async () => {
      const stream = freshStream()
      await server.fill(stream, 5)
      await server.client.setStreamMetadata(stream, { truncateBefore: 3 })
      const watched = watch(stream)
      expect(await watched.until('caughtUp')).toBe('confirmation 3 4 caughtUp')
      await watched.stop()
    })

    test('one that is gone is refused, and one that goes ends', async () => {
      const stream = freshStream()
      await server.fill(stream, 1)
      const before = watch(stream)
      await before.until('caughtUp')
      await server.client.tombstoneStream(stream)
      expect(await before.until('stream-deleted')).toBe(
        'confirmation 0 caughtUp 9223372036854775807 stream-deleted',
      )
      expect(await watch(stream).until('stream-deleted')).toBe('stream-deleted')
    })
  })

  describe('subscriptions to the whole log', () => {
    test('after a position, also amid an append, only by prefix, then live', async () => {
      const [mine, other] = [freshStream(), freshStream()]
      await server.fill(mine, 3)
      await server.fill(other, 2)
      await server.fill(mine, 1)
      const [, fromPosition = 'start'] = await server.positions(mine)
      const filter = streamNameFilter({ prefixes: ['nothing', mine] })
      const watched = new Watched(
        server.subscriber.subscribeToAll({ fromPosition, filter }),
        (_, revision) => `${revision}`,
      )
      expect(await watched.until('caughtUp')).toBe('confirmation 2 3 caughtUp')
      await server.fill(other, 1)
      await server.fill(mine, 1)
      await watched.until('4')
      expect(await watched.stop()).toBe('confirmation 2 3 caughtUp 4')
    })

    test('from amid an event it is refused, from past the end it waits', async () => {
      const stream = freshStream()
      await server.fill(stream, 2)
      const [{ commit } = { commit: 0n }] = await server.positions(stream)
      const follow = (at: bigint) =>
        new Watched(
          server.subscriber.subscribeToAll({ fromPosition: { commit: at, prepare: at } }),
          (from, revision) => (from === stream ? `${revision}` : undefined),
        )
      expect(await follow(commit + 1n).until(/unknown/)).toBe(
        'unknown: 2 UNKNOWN: Exception was thrown by handler.',
      )
      const past = follow(1n << 62n)
      expect(await past.until('caughtUp')).toBe('confirmation caughtUp')
      await past.stop()
    })

    test.each<[window: number, interval: number, catchingUp: string, live: string]>([
      [32, 1, '1- 51 52 52! 65- 103 104 104! 155 156 156!', '192! 224! 237 238 256!'],
      [
        10,
        2,
        '11- 31- 51 52 52! 71- 91- 103 104 111- 131- 155 156 156!',
        '180! 200! 220! 237 238 240! 260! 280!',
      ],
      [32, 4, '51 52 103 104 104! 155 156', '237 238 256!'],
    ])(
      'checkpoints, window %s, interval %s',
      async (maxSearchWindow, checkpointInterval, catchingUp, live) => {
        const [mine, other] = [freshStream(), freshStream()]
        const { position: fromPosition } = await server.fill(other, 1)
        if (!fromPosition) throw new Error('no position')
        for (let i = 0; i < 3; i++) {
          await server.fill(other, 50)
          await server.fill(mine, 2)
        }
        await server.fill(other, 10)

        const seen: Position[] = []
        const checkpointReached = async (_: unknown, at: Position) =>
          watched.add(`checkpoint ${seen.push(at) - 1}`)
        const filter = streamNameFilter({
          prefixes: [mine],
          maxSearchWindow,
          checkpointInterval,
          checkpointReached,
        })
        const subscription = server.subscriber.subscribeToAll({ fromPosition, filter })
        const watched = new Watched(subscription, () => undefined)
        let matches = 0
        subscription.on('data', ({ event }) => {
          watched.add(`event ${seen.push(event?.position as Position) - 1}`)
          matches += 1
          if (matches === 9) watched.add('all')
        })
        await watched.until('caughtUp')
        for (let i = 0; i < 70; i++) await server.fill(other, 1)
        await server.fill(mine, 2)
        for (let i = 0; i < 45; i++) await server.fill(other, 1)
        await server.fill(mine, 1)
        await watched.until('all')

        // In numbers from the start: `!` stands for a checkpoint at an event, `-` for one without a prepare position.
        const numbers = new Map<bigint, number>()
        for await (const { event } of server.client.readAll({ fromPosition }))
          numbers.set(event?.position?.commit ?? 0n, numbers.size)
        const shown = (await watched.stop()).replace(/(event|checkpoint) (\d+)/g, (_, what, index) => {
          const { commit, prepare } = seen[index] as Position
          const mark = what === 'event' ? '' : prepare === commit ? '!' : prepare === 0n ? '-' : '?'
          return `${numbers.get(commit)}${mark}`
        })
        expect(shown).toBe(`confirmation ${catchingUp} caughtUp ${live} 284 all`)
      },
    )

    test('who does not take what is written while live is ended as too slow', async () => {
      const stream = freshStream()
      const subscription = server.subscriber.subscribeToAll({ fromPosition: 'end' })
      const watched = new Watched(subscription, () => undefined)
      await watched.until('caughtUp')
      subscription.pause()
      const large = Array.from({ length: 50 }, () => event({ text: 'x'.repeat(10_000) }))
      for (let i = 0; i < 20; i++)
        await server.append(
          stream,
          large.map((one) => ({ ...one, id: randomUUID() })),
          'any',
        )
      subscription.resume()
      expect(await watched.until('timeout')).toBe('confirmation caughtUp timeout')
    })
  })
}
