// What an append answers: expected revisions, idempotent ids, and what can never be written.
import { randomUUID } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { type EventLog, LogConflict, LogRejected } from '../../libs/event-log/src/index.js'
import { collect, event, freshStream, numbered, numberOf, range } from './events.js'

const MIB = 1024 * 1024

export function describeAppend(log: () => EventLog): void {
  const stored = (stream: string) => collect(log().readStream(stream))

  test('revisions count from 0, positions grow, and the outcome is that of the last event', async () => {
    const stream = freshStream()
    const first = await log().append(stream, 'no_stream', numbered(1))
    const second = await log().append(stream, 0n, numbered(3, 1))
    expect([first.revision, second.revision]).toEqual([0n, 3n])
    const events = await stored(stream)
    expect(events.map(numberOf)).toEqual(range(0, 4))
    expect(events.map(({ revision }) => revision)).toEqual([0n, 1n, 2n, 3n])
    expect(events[0]?.position).toBe(first.position)
    expect(events[3]?.position).toBe(second.position)
    const positions = events.map(({ position }) => position)
    expect(new Set(positions).size).toBe(4)
    expect(positions).toEqual(positions.toSorted((a, b) => Number(a - b)))
  })

  test('an event is read back as it was appended', async () => {
    const stream = freshStream()
    const odd = JSON.parse('{"__proto__":{"a":1},"constructor":"x","toString":null,"":[[],{}]}')
    const sent = { ...event({ odd, text: '\u0000 é 漢 \u{1f600} \u2028', n: 1e-7, big: 2 ** 53 - 1 }) }
    await log().append(stream, 'no_stream', [sent])
    const [read] = await stored(stream)
    expect(read).toEqual({ ...sent, stream, revision: 0n, position: expect.anything() })
    expect(JSON.stringify(read?.data)).toBe(JSON.stringify(sent.data))
  })

  test.each([
    ['no stream, and there is one', 'no_stream', 1n],
    ['an older revision', 0n, 1n],
    ['a newer revision', 2n, 1n],
    ['a revision far beyond', 2n ** 62n, 1n],
  ] as const)('other events at %s: a conflict that names what is', async (_what, expected, actual) => {
    const stream = freshStream()
    await log().append(stream, 'no_stream', numbered(2))
    const refused = await log()
      .append(stream, expected, numbered(1, 9))
      .catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(LogConflict)
    expect(refused).toMatchObject({ name: 'LogConflict', stream, expected, actual })
    expect((await stored(stream)).map(numberOf)).toEqual([0, 1])
  })

  test('a revision of a stream that does not exist: a conflict that says so', async () => {
    const stream = freshStream()
    await expect(log().append(stream, 0n, numbered(1))).rejects.toMatchObject({
      name: 'LogConflict',
      stream,
      expected: 0n,
      actual: 'no_stream',
    })
    expect(await stored(stream)).toEqual([])
  })

  test('the same append again has the same outcome, also under later events and with other data', async () => {
    const stream = freshStream()
    const first = numbered(2)
    const second = numbered(2, 2)
    const outcomes = [
      await log().append(stream, 'no_stream', first),
      await log().append(stream, 1n, second),
    ] as const
    expect(await log().append(stream, 'no_stream', first)).toEqual(outcomes[0])
    expect(await log().append(stream, 1n, second)).toEqual(outcomes[1])
    await log().append(stream, 3n, numbered(1, 4))
    expect(await log().append(stream, 'no_stream', first)).toEqual(outcomes[0])
    const other = second.map(({ id }) => event({ n: 'other' }, id))
    expect(await log().append(stream, 1n, other)).toEqual(outcomes[1])
    expect((await stored(stream)).map(numberOf)).toEqual(range(0, 5))
  })

  test('the start of an earlier append counts as a repetition, up to where it ends', async () => {
    const stream = freshStream()
    const sent = numbered(3)
    await log().append(stream, 'no_stream', sent)
    const [first, second] = await stored(stream)
    expect(await log().append(stream, 'no_stream', sent.slice(0, 1))).toEqual({
      revision: 0n,
      position: first?.position,
    })
    expect(await log().append(stream, 0n, sent.slice(1, 2))).toEqual({
      revision: 1n,
      position: second?.position,
    })
    expect(await stored(stream)).toHaveLength(3)
  })

  test('a repetition that goes on otherwise, or goes on at all, is a conflict', async () => {
    const stream = freshStream()
    const sent = numbered(2)
    await log().append(stream, 'no_stream', sent)
    for (const events of [[sent[0], event()], [...sent, event()], [event(), sent[1]], sent.toReversed()])
      await expect(
        log().append(stream, 'no_stream', events as ReturnType<typeof event>[]),
      ).rejects.toMatchObject({ name: 'LogConflict', actual: 1n })
    expect(await stored(stream)).toHaveLength(2)
  })

  test('ids are compared where they would stand, nowhere else', async () => {
    const sent = numbered(1)
    const stream = freshStream()
    const other = freshStream()
    await log().append(stream, 'no_stream', sent)
    expect((await log().append(other, 'no_stream', sent)).revision).toBe(0n)
    expect((await log().append(stream, 0n, sent)).revision).toBe(1n)
    expect(await stored(stream)).toHaveLength(2)
  })

  test('a stream that has gone past a position is never said not to have', async () => {
    const stream = freshStream()
    const { position } = await log().append(stream, 'no_stream', numbered(1))
    expect(log().mayGoPast(stream, position - 1n)).toBe(true)
    await log().append(freshStream(), 'no_stream', numbered(1))
    await log().append(stream, 0n, numbered(1, 1))
    expect(log().mayGoPast(stream, position)).toBe(true)
    await log()
      .append(stream, 'no_stream', numbered(1))
      .catch(() => undefined)
    expect(log().mayGoPast(stream, position)).toBe(true)
  })

  test('an append of no events is rejected, and makes no stream', async () => {
    const stream = freshStream()
    await expect(log().append(stream, 'no_stream', [])).rejects.toThrow(LogRejected)
    await expect(log().append(stream, 'no_stream', numbered(1))).resolves.toMatchObject({ revision: 0n })
  })

  test('a negative revision is rejected', async () => {
    await expect(log().append(freshStream(), -1n, numbered(1))).rejects.toThrow(LogRejected)
  })

  test('what has no JSON is rejected, and the other events of the append with it', async () => {
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    const stream = freshStream()
    for (const data of [{ n: 1n }, cycle, undefined as unknown as object, () => 1])
      await expect(log().append(stream, 'no_stream', [event(), { ...event(), data }])).rejects.toThrow(
        LogRejected,
      )
    expect(await stored(stream)).toEqual([])
  })

  test('an event of 900 KiB is read back equal', async () => {
    const stream = freshStream()
    const sent = event({ text: 'ä'.repeat(450 * 1024) })
    await log().append(stream, 'no_stream', [sent])
    expect((await stored(stream))[0]?.data).toEqual(sent.data)
  })

  test('an append past 1 MiB is rejected whole, in one event or in two', async () => {
    const stream = freshStream()
    const half = () => event({ text: 'x'.repeat(0.6 * MIB) }, randomUUID())
    await expect(log().append(stream, 'no_stream', [event({ text: 'x'.repeat(1.1 * MIB) })])).rejects.toThrow(
      LogRejected,
    )
    await expect(log().append(stream, 'no_stream', [half(), half()])).rejects.toThrow(LogRejected)
    expect(await stored(stream)).toEqual([])
    await log().append(stream, 'no_stream', [half()])
    await log().append(stream, 0n, [half()])
    expect(await stored(stream)).toHaveLength(2)
  })
}
