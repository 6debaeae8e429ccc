// Many appends at once: one order a stream, no lost event, no stranger hurt by a conflict.
import { expect, test } from '@jest/globals'
import { type EventLog, LogConflict } from '../../libs/event-log/src/index.js'
import { appendSurely, collect, event, freshStream, numbered, numberOf, range } from './events.js'

export function describeConcurrency(log: () => EventLog): void {
  test('of 20 different appends at one revision one wins, and 19 learn where the stream is', async () => {
    const stream = freshStream()
    await log().append(stream, 'no_stream', numbered(1))
    const outcomes = await Promise.allSettled(
      range(0, 20).map((n) => log().append(stream, 0n, numbered(2, n * 10))),
    )
    const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(refusals).toHaveLength(19)
    for (const refusal of refusals) {
      expect(refusal).toBeInstanceOf(LogConflict)
      expect(refusal).toMatchObject({ expected: 0n, actual: 2n })
    }
    expect(await collect(log().readStream(stream))).toHaveLength(3)
  })

  test('one append sent five times at once is written once, with five equal outcomes', async () => {
    const stream = freshStream()
    const sent = numbered(3)
    // A store may leave one in doubt that comes before the first is done; then as ever.
    const outcomes = await Promise.all(range(0, 5).map(() => appendSurely(log(), stream, 'no_stream', sent)))
    for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0])
    expect(await collect(log().readStream(stream))).toHaveLength(3)
  })

  test('a conflict leaves the appends beside it alone', async () => {
    const taken = freshStream()
    await log().append(taken, 'no_stream', numbered(1))
    const outcomes = await Promise.allSettled(
      range(0, 40).map((n) =>
        log().append(n % 4 === 3 ? taken : freshStream(), 'no_stream', [event({ n }), event({ n })]),
      ),
    )
    expect(outcomes.map(({ status }) => status)).toEqual(
      range(0, 40).map((n) => (n % 4 === 3 ? 'rejected' : 'fulfilled')),
    )
  })

  test('40 writers that try again after a conflict lose nothing and write nothing twice', async () => {
    const stream = freshStream()
    const writer = async (n: number) => {
      const sent = event({ n })
      let expected: bigint | 'no_stream' = 'no_stream'
      for (;;) {
        try {
          return await log().append(stream, expected, [sent])
        } catch (error) {
          if (!(error instanceof LogConflict)) throw error
          expected = error.actual
        }
      }
    }
    const outcomes = await Promise.all(range(0, 40).map(writer))
    const events = await collect(log().readStream(stream))
    expect(events.map(({ revision }) => revision)).toEqual(range(0, 40).map(BigInt))
    expect(events.map(numberOf).toSorted((a, b) => a - b)).toEqual(range(0, 40))
    for (const [n, { revision }] of outcomes.entries())
      expect(numberOf(events[Number(revision)] as { data: unknown })).toBe(n)
  })

  test('events of one append stand next to each other, in order, whoever else writes', async () => {
    const streams = range(0, 30).map(freshStream)
    const after = await log().head()
    await Promise.all(streams.map((stream) => log().append(stream, 'no_stream', numbered(5))))
    const seen: string[] = []
    const mine = new Set(streams)
    for await (const { stream, data } of log().readAll({ prefixes: streams, after }))
      if (mine.has(stream)) seen.push(`${stream} ${numberOf({ data })}`)
    expect(seen).toHaveLength(150)
    for (let i = 0; i < seen.length; i += 5) {
      const stream = seen[i]?.split(' ')[0]
      expect(seen.slice(i, i + 5)).toEqual(range(0, 5).map((n) => `${stream} ${n}`))
    }
  })
}
