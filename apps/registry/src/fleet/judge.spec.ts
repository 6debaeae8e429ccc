import { convergenceOf, type Guard, runnerKey, type Word } from '@assistant-ledger/assistant'
import { describe, expect, test } from '@jest/globals'
import { judge } from './judge.js'

const at = '2026-01-01T00:00:00.000000+00:00'
const promotion = {
  assistantId: 'a',
  environment: 'live',
  graph: 'writer',
  revision: 4,
  generation: 1,
  version: 2,
  hash: 'h',
  at,
}

/** What 'a' (active), 'r' (rejected) and '-' (silent) come to. */
function verdict(words: string, over: boolean, guard: Partial<Guard> = {}) {
  const stays = [...words].map((_, i) => ({ runner: `r${i}`, instance: `i${i}`, joinedAt: at }))
  const said = [...words].flatMap((letter, i): [string, Word][] => {
    const status = letter === 'a' ? 'active' : letter === 'r' ? 'rejected' : undefined
    return status ? [[runnerKey({ runner: `r${i}`, instance: `i${i}` }), { status, at, reason: 'no' }]] : []
  })
  const whole = { min_active: 100, within_ms: 1_000, on_reject: 'rollback', ...guard } as const
  return judge(whole, convergenceOf(promotion, stays, new Map(said)), over).type
}

describe('a guard', () => {
  test.each([
    ['aaa', false, {}, 'open'],
    ['aaa', true, {}, 'met'],
    ['aa-', false, {}, 'open'],
    ['aa-', true, {}, 'broken'],
    ['aar', false, {}, 'broken'],
    ['aar', false, { on_reject: 'ignore' }, 'open'],
    ['aar', true, { on_reject: 'ignore' }, 'broken'],
    ['aar', true, { on_reject: 'ignore', min_active: 60 }, 'met'],
    ['aa-', false, { min_active: 60 }, 'open'],
    ['aa-', true, { min_active: 60 }, 'met'],
    ['a--', true, { min_active: 60 }, 'broken'],
    ['', false, {}, 'open'],
    ['', true, {}, 'broken'],
    ['', true, { min_active: 1 }, 'broken'],
    ['---', false, {}, 'open'],
  ] as const)('given %j, time over: %s, and %j, then it is %s', (words, over, guard, expected) => {
    expect(verdict(words, over, guard)).toBe(expected)
  })
})
