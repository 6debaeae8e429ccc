import type { JsonObject } from '@assistant-ledger/assistant'
import { describe, expect, test } from '@jest/globals'
import { BadFilter, type Filter, matches, readFilter, VISIBLE_LIMITS } from './visible.js'

type Case = readonly [metadata: string, filter: string, seen: boolean]

const CASES: readonly Case[] = [
  // No restriction.
  ['{}', '{}', true],
  ['{"owner":"a"}', '{}', true],
  // Equality: same type, same value, and there.
  ['{"owner":"a"}', '{"owner":"a"}', true],
  ['{"owner":"a"}', '{"owner":"b"}', false],
  ['{}', '{"owner":"a"}', false],
  ['{"owner":"a"}', '{"owner":{"$eq":"a"}}', true],
  ['{"owner":"b"}', '{"owner":{"$eq":"a"}}', false],
  ['{"n":1}', '{"n":{"$eq":1.0}}', true],
  ['{"n":1}', '{"n":"1"}', false],
  ['{"n":0}', '{"n":{"$eq":false}}', false],
  ['{"n":0}', '{"n":{"$eq":0}}', true],
  ['{"n":""}', '{"n":{"$eq":""}}', true],
  ['{"n":null}', '{"n":null}', true],
  ['{}', '{"n":null}', false],
  // Equal is not contained.
  ['{"owner":["a"]}', '{"owner":"a"}', false],
  ['{"o":{"a":1,"b":2}}', '{"o":{"$eq":{"b":2,"a":1}}}', true],
  ['{"o":{"a":1,"b":2}}', '{"o":{"$eq":{"a":1}}}', false],
  ['{"o":{"a":1}}', '{"o":{"$eq":{"a":1,"b":2}}}', false],
  ['{"o":["a","b"]}', '{"o":["a","b"]}', true],
  ['{"o":["a","b"]}', '{"o":["b","a"]}', false],
  ['{"o":["a"]}', '{"o":{"$eq":[]}}', false],
  ['{"o":[]}', '{"o":{"$eq":[]}}', true],
  ['{"o":[]}', '{"o":{"$eq":{}}}', false],
  // An array that has it.
  ['{"tags":["a","b"]}', '{"tags":{"$contains":"a"}}', true],
  ['{"tags":["a","b"]}', '{"tags":{"$contains":"c"}}', false],
  ['{"tags":"a"}', '{"tags":{"$contains":"a"}}', false],
  ['{"tags":{"a":1}}', '{"tags":{"$contains":"a"}}', false],
  ['{}', '{"tags":{"$contains":"a"}}', false],
  ['{"tags":["a","b"]}', '{"tags":{"$contains":["b","a"]}}', true],
  ['{"tags":["a"]}', '{"tags":{"$contains":["a","b"]}}', false],
  ['{"tags":[["a"]]}', '{"tags":{"$contains":["a"]}}', false],
  ['{"tags":[["a"]]}', '{"tags":{"$contains":[["a"]]}}', true],
  ['{"tags":[{"a":1,"b":2}]}', '{"tags":{"$contains":{"a":1}}}', false],
  ['{"tags":[{"a":1}]}', '{"tags":{"$contains":{"a":1}}}', true],
  // Both operators, several keys: together.
  ['{"tags":["a"]}', '{"tags":{"$eq":["a"],"$contains":"a"}}', true],
  ['{"tags":["a","b"]}', '{"tags":{"$eq":["a"],"$contains":"a"}}', false],
  ['{"owner":"a","org":"x"}', '{"owner":"a","org":"x"}', true],
  ['{"owner":"a","org":"y"}', '{"owner":"a","org":"x"}', false],
  // Lists of filters.
  ['{"owner":"a"}', '{"$or":[{"owner":"b"},{"owner":"a"}]}', true],
  ['{"owner":"c"}', '{"$or":[{"owner":"b"},{"owner":"a"}]}', false],
  ['{"owner":"a"}', '{"$or":[]}', false],
  ['{"owner":"a"}', '{"$and":[]}', true],
  ['{"owner":"a","org":"x"}', '{"$and":[{"owner":"a"},{"org":"x"}]}', true],
  ['{"owner":"a","org":"y"}', '{"$and":[{"owner":"a"},{"org":"x"}]}', false],
  ['{"owner":"a","org":"y"}', '{"org":"x","$or":[{"owner":"a"},{"owner":"b"}]}', false],
  ['{"owner":"a","org":"x"}', '{"org":"x","$or":[{"owner":"a"},{"owner":"b"}]}', true],
  ['{"b":1,"c":2}', '{"$or":[{"a":1},{"$and":[{"b":1},{"c":2}]}]}', true],
  ['{"b":1,"c":3}', '{"$or":[{"a":1},{"$and":[{"b":1},{"c":2}]}]}', false],
  ['{"a":1}', '{"$or":[{},{"owner":"b"}]}', true],
  // Any key is a key, and nothing is inherited.
  ['{"__proto__":"a"}', '{"__proto__":"a"}', true],
  ['{}', '{"__proto__":{"$eq":{}}}', false],
  ['{}', '{"constructor":null}', false],
  ['{"a.b":1}', '{"a.b":1}', true],
]

test.each(CASES)('%s seen by %s: %s', (metadata, filter, seen) => {
  expect(matches(JSON.parse(metadata) as JsonObject, JSON.parse(filter) as Filter)).toBe(seen)
})

describe('what is no filter is refused, and sees nothing', () => {
  const deep = (levels: number): Filter => (levels === 0 ? { a: 1 } : { $or: [deep(levels - 1)] })
  const cyclic: Record<string, unknown> = {}
  cyclic.$or = [cyclic]
  const value: unknown[] = []
  value.push(value)

  test.each<[string, unknown]>([
    ['a text', 'owner'],
    ['a list', [{ owner: 'a' }]],
    ['a date', new Date()],
    ['an owner that is not known', { owner: undefined }],
    ['an $eq of nothing', { owner: { $eq: undefined } }],
    ['an unknown operator', { owner: { $in: ['a'] } }],
    ['an unknown operator beside a known one', { owner: { $eq: 'a', $ne: 'b' } }],
    ['no operator', { owner: {} }],
    ['an object without $eq', { owner: { id: 'a' } }],
    ['an unknown list', { $not: [{ owner: 'a' }] }],
    ['an $or of no list', { $or: { owner: 'a' } }],
    ['an $or of no filters', { $or: ['a'] }],
    ['an empty $contains', { tags: { $contains: [] } }],
    ['a gap', { tags: { $contains: [undefined, 'a'] } }],
    ['a function', { owner: () => 'a' }],
    ['a date as value', { owner: new Date() }],
    ['a class as value', { owner: { $eq: new Map() } }],
    ['a number that is none', { n: Number.NaN }],
    ['a bigint', { n: 1n }],
    ['too many levels', deep(VISIBLE_LIMITS.levels + 1)],
    ['no end of levels', cyclic],
    ['no end of a value', { a: { $eq: value } }],
    ['too many parts', { $or: Array.from({ length: VISIBLE_LIMITS.parts + 1 }, (_, n) => ({ n })) }],
  ])('%s', (_what, filter) => {
    expect(() => readFilter(filter as Filter)).toThrow(BadFilter)
    expect(() => matches({ owner: 'a' }, filter as Filter)).toThrow(BadFilter)
  })
})

test('as many levels as are allowed are read', () => {
  const deep = (levels: number): Filter => (levels === 0 ? { a: 1 } : { $or: [deep(levels - 1)] })
  expect(matches({ a: 1 }, deep(VISIBLE_LIMITS.levels))).toBe(true)
})

test('a filter of another realm is read', async () => {
  const { runInNewContext } = await import('node:vm')
  const filter = runInNewContext('({ $or: [{ owner: { $eq: "a" } }, { tags: { $contains: ["x"] } }] })')
  expect(matches({ owner: 'a' }, filter)).toBe(true)
  expect(matches({ tags: ['y'] }, filter)).toBe(false)
})
