import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  between,
  convergenceOf,
  type Promotion,
  receiptOf,
  runnerKey,
  type Stay,
  type Word,
} from './convergence.js'

const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000+00:00`

const promotion: Promotion = {
  assistantId: 'a',
  environment: 'live',
  graph: 'writer',
  revision: 4,
  generation: 1,
  version: 2,
  hash: 'h',
  at: at(10),
}

const stay = (runner: string, more: Partial<Stay> = {}): Stay => ({
  runner,
  instance: `i-${runner}`,
  joinedAt: at(0),
  ...more,
})
const word = (runner: string, status: Word['status'], second: number, reason?: string): [string, Word] => [
  runnerKey({ runner, instance: `i-${runner}` }),
  { status, at: at(second), ...(reason ? { reason } : {}) },
]
const judged = (stays: readonly Stay[], ...words: [string, Word][]) =>
  convergenceOf(promotion, stays, new Map(words))

describe('where a promotion stands', () => {
  test('given every runner active, then it has converged, with the times of the first, the half and the last', () => {
    const stays = [stay('a'), stay('b'), stay('c'), stay('d')]
    const words = [
      word('a', 'active', 11),
      word('b', 'active', 12),
      word('c', 'active', 13),
      word('d', 'active', 14),
    ]
    expect(judged(stays, ...words)).toMatchObject({
      of: 4,
      first_ms: 1_000,
      p50_ms: 2_000,
      p95_ms: 4_000,
      p100_ms: 4_000,
      last_ms: 4_000,
    })
    expect(receiptOf(judged(stays, ...words))).toMatchObject({
      converged: true,
      active: 4,
      of: 4,
      last_ms: 4_000,
    })
  })

  test('given three in no order, then the half is two of them, and the times are in the order in which they came', () => {
    const words = [word('a', 'active', 13), word('b', 'active', 11), word('c', 'active', 12)]
    const convergence = judged([stay('a'), stay('b'), stay('c')], ...words)
    expect(convergence.active.map(({ runner }) => runner)).toEqual(['b', 'c', 'a'])
    expect(convergence).toMatchObject({ first_ms: 1_000, p50_ms: 2_000, p95_ms: 3_000, last_ms: 3_000 })
  })

  test('given one that refused and one that said nothing, then both are named and nothing has converged', () => {
    const convergence = judged(
      [stay('a'), stay('b'), stay('c')],
      word('a', 'active', 11),
      word('b', 'rejected', 12, 'no'),
    )
    // The last of those that are active; not of all.
    expect([convergence.first_ms, convergence.last_ms]).toEqual([1_000, 1_000])
    expect([convergence.p50_ms, convergence.p100_ms]).toEqual([undefined, undefined])
    expect(receiptOf(convergence)).toEqual({
      converged: false,
      active: 1,
      of: 3,
      rejected: [{ runner: 'b', reason: 'no' }],
      lagging: ['c'],
      first_ms: 1_000,
      last_ms: 1_000,
      hash: 'h',
    })
  })

  test('given one that left before it said anything, then it is gone, neither counted nor lagging', () => {
    const left = { at: at(12), reason: 'silent' } as const
    const convergence = judged([stay('a'), stay('b', { left })], word('a', 'active', 11))
    expect(convergence).toMatchObject({ of: 1, lagging: [], gone: [{ runner: 'b', ...left }] })
    expect(receiptOf(convergence).converged).toBe(true)
  })

  test('given one that came after the promotion, then its time runs from its coming', () => {
    expect(judged([stay('late', { joinedAt: at(30) })], word('late', 'active', 31)).first_ms).toBe(1_000)
  })

  test('given a word of another runner under the same instance, then it is not this one that spoke', () => {
    const forged: [string, Word] = [
      runnerKey({ runner: 'b', instance: 'i-a' }),
      { status: 'active', at: at(11) },
    ]
    expect(judged([stay('a')], forged).lagging).toMatchObject([{ runner: 'a' }])
  })

  test('given nobody, then nothing is missing', () => {
    expect(receiptOf(judged([]))).toMatchObject({ converged: true, active: 0, of: 0 })
  })

  test('given a clock that is behind, then no time is negative', () => {
    expect(between(at(20), at(10))).toBe(0)
  })

  test('whatever is said, every stay is counted once and the counts add up', () => {
    const said = fc.record({
      status: fc.constantFrom('active', 'rejected', 'removed', undefined),
      left: fc.boolean(),
      second: fc.integer({ min: 0, max: 59 }),
    })
    fc.assert(
      fc.property(fc.array(said, { maxLength: 30 }), (all) => {
        const stays = all.map(({ left }, i) =>
          stay(`r${i}`, left ? { left: { at: at(50), reason: 'closed' } } : {}),
        )
        const words = all.flatMap(({ status, second }, i) => (status ? [word(`r${i}`, status, second)] : []))
        const { of, active, rejected, lagging, gone } = judged(stays, ...words)
        expect(active.length + rejected.length + lagging.length + gone.length).toBe(all.length)
        expect(of).toBe(all.length - gone.length)
        expect(receiptOf(judged(stays, ...words)).converged).toBe(active.length === of)
      }),
    )
  })
})
