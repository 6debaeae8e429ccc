// Following the log: catch up, then live; each event once and in order, at the follower's own pace.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import type { EventLog, RecordedEvent } from '../../libs/event-log/src/index.js'
import { collect, event, fill, freshPrefix, numbered, numberOf, range } from './events.js'

/** Resolves when `count` events have come; calls back for each thing seen. */
async function take(
  log: EventLog,
  options: { readonly prefixes: readonly string[]; readonly after?: bigint },
  count: number,
  pause: () => Promise<unknown> = async () => undefined,
): Promise<RecordedEvent[]> {
  const seen: RecordedEvent[] = []
  const { signal } = new AbortController()
  for await (const followed of log.follow({ ...options, signal })) {
    if (followed.type === 'event') {
      seen.push(followed.event)
      await pause()
    }
    if (seen.length === count) break
  }
  return seen
}

export function describeFollow(log: () => EventLog): void {
  test('what is there comes first, then a message that says so, then what is new', async () => {
    const prefix = freshPrefix()
    await fill(log(), `${prefix}a`, 700, 100)
    const abort = new AbortController()
    const seen: (number | 'caught-up')[] = []
    let last = 0n
    for await (const followed of log().follow({ prefixes: [prefix], signal: abort.signal })) {
      if (followed.type === 'event') {
        expect(followed.event.position).toBeGreaterThan(last)
        last = followed.event.position
        seen.push(numberOf(followed.event))
        if (seen.at(-1) === 701) abort.abort()
      } else {
        expect(followed.position).toBeGreaterThanOrEqual(last)
        last = followed.position
        if (seen.includes('caught-up')) continue
        seen.push('caught-up')
        await log().append(`${prefix}a`, 699n, numbered(2, 700))
      }
    }
    expect(seen).toEqual([...range(0, 700), 'caught-up', 700, 701])
  })

  test('an empty catch-up is told at once', async () => {
    const { signal } = new AbortController()
    const after = await log().head()
    for await (const followed of log().follow({ after, prefixes: [freshPrefix()], signal })) {
      expect(followed.type).toBe('caught-up')
      break
    }
  })

  test('a follower that has nothing to yield gets to every head that is answered', async () => {
    const { signal } = new AbortController()
    const following = log()
      .follow({ prefixes: [freshPrefix()], signal })
      [Symbol.asyncIterator]()
    let reached = 0n
    for (let round = 0; round < 3; round++) {
      await log().append(`${freshPrefix()}other`, 'no_stream', numbered(2))
      const head = await log().head()
      while (reached < head) {
        const { value } = await following.next()
        if (value?.type !== 'caught-up') throw new Error(`not told of ${head}`)
        expect(value.position).toBeGreaterThanOrEqual(reached)
        reached = value.position
      }
    }
    await following.return?.()
  })

  test('from wherever it was told to be, a follower and a reader go on without a gap', async () => {
    const prefix = freshPrefix()
    const abort = new AbortController()
    let written = 0
    let expected: bigint | 'no_stream' = 'no_stream'
    for await (const followed of log().follow({ prefixes: [prefix], signal: abort.signal })) {
      if (followed.type !== 'caught-up') continue
      if (written === 3) abort.abort()
      else expected = (await log().append(`${prefix}a`, expected, numbered(1, written++))).revision
      const rest = await collect(log().readAll({ after: followed.position, prefixes: [prefix] }))
      if (!abort.signal.aborted) expect(rest.map(numberOf)).toEqual([written - 1])
      const [first] = abort.signal.aborted
        ? []
        : await take(log(), { prefixes: [prefix], after: followed.position }, 1)
      if (first) expect(numberOf(first)).toBe(written - 1)
    }
    expect(written).toBe(3)
  })

  test('from a position that no event has what is past it comes', async () => {
    const prefix = freshPrefix()
    await fill(log(), `${prefix}a`, 4, 1)
    const [, second] = await collect(log().readStream(`${prefix}a`))
    const after = (second?.position as bigint) - 1n
    expect((await take(log(), { prefixes: [prefix], after }, 3)).map(numberOf)).toEqual([1, 2, 3])
    // Past the end: what is written there comes when it is past that.
    const { signal } = new AbortController()
    const beyond = (await log().head()) + 1n
    const following = log()
      .follow({ prefixes: [prefix], after: beyond, signal })
      [Symbol.asyncIterator]()
    expect(await following.next()).toMatchObject({ value: { type: 'caught-up' } })
    await log().append(`${prefix}a`, 3n, numbered(3, 4))
    const written = await collect(log().readStream(`${prefix}a`, { from: 4n }))
    const past = written.filter(({ position }) => position > beyond)
    for (const { id } of past) {
      let followed = await following.next()
      while (followed.value?.type === 'caught-up') followed = await following.next()
      expect(followed.value).toMatchObject({ event: { id } })
    }
    await following.return?.()
  })

  test('from a position in the middle of an append the rest of it comes', async () => {
    const prefix = freshPrefix()
    await log().append(`${prefix}a`, 'no_stream', numbered(5))
    const [, second] = await collect(log().readStream(`${prefix}a`))
    const seen = await take(log(), { prefixes: [prefix], after: second?.position as bigint }, 3)
    expect(seen.map(numberOf)).toEqual([2, 3, 4])
  })

  test('followers of different speed see everything once, in one order, while 20 writers write', async () => {
    const prefix = freshPrefix()
    const after = await log().head()
    const total = 20 * 60
    let slowTurns = 0
    const followers = [
      take(log(), { prefixes: [prefix] }, total),
      take(log(), { prefixes: [prefix] }, total, nextTurn),
      take(log(), { prefixes: [prefix] }, total, async () => {
        if (++slowTurns % 100 === 0) for (let i = 0; i < 50; i++) await nextTurn()
      }),
    ]
    await Promise.all(
      range(0, 20).map(async (writer) => {
        for (let n = 0; n < 30; n++)
          await log().append(
            `${prefix}${writer}`,
            n === 0 ? 'no_stream' : BigInt(2 * n - 1),
            numbered(2, 2 * n),
          )
      }),
    )
    const [first, ...others] = await Promise.all(followers)
    const stored = await collect(log().readAll({ prefixes: [prefix], after }))
    expect(first).toEqual(stored)
    for (const other of others) expect(other).toEqual(stored)
    expect(new Set(stored.map(({ id }) => id)).size).toBe(total)
  }, 60_000)

  test('a follower that resumes again and again misses nothing and sees nothing twice', async () => {
    const prefix = freshPrefix()
    const writing = fill(log(), `${prefix}a`, 600, 3)
    const seen: RecordedEvent[] = []
    while (seen.length < 600) {
      const after = seen.at(-1)?.position
      seen.push(...(await take(log(), { prefixes: [prefix], ...(after ? { after } : {}) }, 40)))
    }
    await writing
    expect(seen.map(numberOf)).toEqual(range(0, 600))
  }, 60_000)

  test('a follower that stands still holds neither the writers nor the readers up', async () => {
    const prefix = freshPrefix()
    const abort = new AbortController()
    const still = log()
      .follow({ prefixes: [prefix], signal: abort.signal })
      [Symbol.asyncIterator]()
    await log().append(`${prefix}a`, 'no_stream', numbered(1))
    expect(await still.next()).toMatchObject({ value: { type: 'event' } })
    let expected = 0n
    for (let n = 0; n < 20; n++)
      expected = (
        await log().append(`${prefix}a`, expected, [event({ n: n + 1, text: 'x'.repeat(500_000) })])
      ).revision
    const numbers: number[] = []
    while (numbers.length < 20) {
      const { value } = await still.next()
      if (value?.type === 'event') numbers.push(numberOf(value.event))
    }
    expect(numbers).toEqual(range(1, 21))
    abort.abort()
    expect((await still.next()).done).toBe(true)
  })

  test('an abort ends a follower that waits, one that catches up, and one that has not begun', async () => {
    const prefix = freshPrefix()
    await fill(log(), `${prefix}a`, 600, 200)

    const waits = new AbortController()
    const caughtUp: string[] = []
    for await (const { type } of log().follow({
      after: await log().head(),
      prefixes: [prefix],
      signal: waits.signal,
    })) {
      caughtUp.push(type)
      setImmediate(() => waits.abort())
    }
    expect(caughtUp).toContain('caught-up')

    const catchesUp = new AbortController()
    let seen = 0
    for await (const _ of log().follow({ prefixes: [prefix], signal: catchesUp.signal }))
      if (++seen === 10) catchesUp.abort()
    expect(seen).toBe(10)

    const begun = await collect(log().follow({ prefixes: [prefix], signal: AbortSignal.abort() }))
    expect(begun).toEqual([])
  })
}
