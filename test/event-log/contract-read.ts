// Reading a stream and the whole log, either way, in part and past their ends.
import { expect, test } from '@jest/globals'
import type { EventLog } from '../../libs/event-log/src/index.js'
import { collect, fill, freshPrefix, freshStream, numbered, numberOf, range } from './events.js'

export function describeRead(log: () => EventLog): void {
  test('a stream that does not exist has no events', async () => {
    expect(await collect(log().readStream(freshStream()))).toEqual([])
    expect(await collect(log().readStream(freshStream(), { direction: 'backward', from: 3n }))).toEqual([])
  })

  test.each([
    [{}, [0, 1, 2, 3, 4]],
    [{ limit: 2 }, [0, 1]],
    [{ limit: 0 }, []],
    [{ from: 3n }, [3, 4]],
    [{ from: 3n, limit: 1 }, [3]],
    [{ from: 5n }, []],
    [{ direction: 'backward' }, [4, 3, 2, 1, 0]],
    [{ direction: 'backward', limit: 1 }, [4]],
    [{ direction: 'backward', from: 2n }, [2, 1, 0]],
    [{ direction: 'backward', from: 9n, limit: 2 }, [4, 3]],
    [{ direction: 'backward', from: 2n ** 63n - 1n, limit: 2 }, [4, 3]],
    [{ direction: 'backward', from: -1n }, []],
    [{ from: -1n, limit: 1 }, [0]],
  ] as const)('a stream of 5 read with %o', async (options, found) => {
    const stream = freshStream()
    await log().append(stream, 'no_stream', numbered(5))
    expect((await collect(log().readStream(stream, options))).map(numberOf)).toEqual(found)
  })

  test('a stream of 10,000 events, forward, backward and from its middle', async () => {
    const stream = freshStream()
    await fill(log(), stream, 10_000, 500)
    const forward = (await collect(log().readStream(stream))).map(numberOf)
    expect(forward).toEqual(range(0, 10_000))
    const backward = (await collect(log().readStream(stream, { direction: 'backward' }))).map(numberOf)
    expect(backward).toEqual(range(0, 10_000).toReversed())
    const part = await collect(log().readStream(stream, { from: 4_321n, limit: 1_234 }))
    expect(part.map(numberOf)).toEqual(range(4_321, 5_555))
  }, 60_000)

  test('large events are read whole, however few fit a page', async () => {
    const stream = freshStream()
    for (const n of range(0, 8)) {
      const expected = n === 0 ? 'no_stream' : BigInt(n - 1)
      const sent = { ...numbered(1, n)[0], data: { n, text: 'x'.repeat(900 * 1024) } }
      await log().append(stream, expected, [sent as never])
    }
    expect((await collect(log().readStream(stream))).map(numberOf)).toEqual(range(0, 8))
    const backward = await collect(log().readStream(stream, { direction: 'backward', limit: 5 }))
    expect(backward.map(numberOf)).toEqual([7, 6, 5, 4, 3])
  })

  test('the whole log from a position, exclusive, either way, with a limit', async () => {
    const prefix = freshPrefix()
    const prefixes = [prefix]
    // What others wrote before is read over in other cases enough.
    const begin = await log().head()
    await fill(log(), `${prefix}a`, 1_000, 100)
    const events = await collect(log().readAll({ prefixes, after: begin }))
    expect(events.map(numberOf)).toEqual(range(0, 1_000))
    const after = events[499]?.position as bigint
    const numbers = async (options: Parameters<EventLog['readAll']>[0]) =>
      (await collect(log().readAll({ prefixes, ...options }))).map(numberOf)
    expect(await numbers({ after })).toEqual(range(500, 1_000))
    expect(await numbers({ after, limit: 3 })).toEqual([500, 501, 502])
    expect(await numbers({ after, limit: 0 })).toEqual([])
    expect(await numbers({ after, direction: 'backward', limit: 499 })).toEqual(range(0, 499).toReversed())
    expect(await numbers({ after, direction: 'backward', limit: 2 })).toEqual([498, 497])
    expect(await numbers({ direction: 'backward', limit: 1 })).toEqual([999])
  })

  test('a position that no event has is one between two of them', async () => {
    const prefix = freshPrefix()
    const stream = `${prefix}a`
    const begin = await log().head()
    await fill(log(), stream, 5, 1)
    const events = await collect(log().readStream(stream))
    const { position } = events[2] as { position: bigint }
    const numbers = async (options: Parameters<EventLog['readAll']>[0]) =>
      (await collect(log().readAll({ prefixes: [prefix], ...options }))).map(numberOf)
    expect(await numbers({ after: position - 1n })).toEqual([2, 3, 4])
    expect(await numbers({ after: position + 1n })).toEqual(
      position + 1n === events[3]?.position ? [4] : [3, 4],
    )
    expect(await numbers({ after: position + 1n, direction: 'backward', limit: 3 })).toEqual([2, 1, 0])
    expect(await numbers({ after: begin })).toEqual([0, 1, 2, 3, 4])
    expect(await numbers({ after: 2n ** 62n })).toEqual([])
    expect(await numbers({ after: 2n ** 62n, direction: 'backward', limit: 5 })).toEqual([4, 3, 2, 1, 0])
    expect(await numbers({ after: -1n, limit: 1 })).toEqual([0])
  })

  test('prefixes choose streams by name, and nothing else about them', async () => {
    const [one, two] = [freshPrefix(), freshPrefix()]
    const names = [`${one}a`, `${two}b`, `${one}c`, `x${one}d`]
    const after = await log().head()
    for (const name of names) await log().append(name, 'no_stream', numbered(1))
    const streams = async (prefixes: readonly string[]) =>
      (await collect(log().readAll({ prefixes, after }))).map(({ stream }) => stream)
    expect(await streams([one])).toEqual([`${one}a`, `${one}c`])
    expect(await streams([two, one])).toEqual([`${one}a`, `${two}b`, `${one}c`])
    expect(await streams([`${one}%`, `${one}_`, `${one}*`])).toEqual([])
    expect(await streams([])).toEqual([])
  })

  test('the head is at the newest event, as soon as its append is answered', async () => {
    for (let n = 0; n < 20; n++) {
      const { position } = await log().append(freshStream(), 'no_stream', numbered(2))
      expect(await log().head()).toBeGreaterThanOrEqual(position)
    }
  })

  test('an append is read as soon as it is answered', async () => {
    const stream = freshStream()
    for (let n = 0; n < 50; n++) {
      await log().append(stream, n === 0 ? 'no_stream' : BigInt(n - 1), numbered(1, n))
      const [newest] = await collect(log().readStream(stream, { direction: 'backward', limit: 1 }))
      expect(newest && numberOf(newest)).toBe(n)
    }
  })

  test('a reader that breaks off leaves the log as it was', async () => {
    const stream = freshStream()
    await log().append(stream, 'no_stream', numbered(10))
    for await (const _ of log().readStream(stream)) break
    for await (const _ of log().readAll()) break
    await expect(log().append(stream, 9n, numbered(1))).resolves.toMatchObject({ revision: 10n })
  })

  test('an aborted read throws the reason: a part is never taken for the whole', async () => {
    const stream = freshStream()
    const after = await log().head()
    await fill(log(), stream, 600, 200)
    for (const read of ['readStream', 'readAll'] as const) {
      const abort = new AbortController()
      const reason = new Error('enough')
      const seen: number[] = []
      const reading = (async () => {
        const options = { signal: abort.signal, prefixes: [stream], after }
        const events = read === 'readStream' ? log().readStream(stream, options) : log().readAll(options)
        for await (const event of events) {
          seen.push(numberOf(event))
          if (seen.length === 300) abort.abort(reason)
        }
      })()
      await expect(reading).rejects.toBe(reason)
      expect(seen).toEqual(range(0, 300))
    }
  })
}
