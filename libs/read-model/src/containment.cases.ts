// One table of containment cases, for the function, the term index and, one day, a database that has the operator.
import type { JsonValue } from '@assistant-ledger/assistant'

export interface ContainmentCase {
  readonly what: string
  readonly value: JsonValue
  readonly pattern: JsonValue
  readonly contained: boolean
}

const is = (what: string, value: JsonValue, pattern: JsonValue): ContainmentCase => ({
  what,
  value,
  pattern,
  contained: true,
})
const isNot = (what: string, value: JsonValue, pattern: JsonValue): ContainmentCase => ({
  what,
  value,
  pattern,
  contained: false,
})
const parse = (text: string): JsonValue => JSON.parse(text)

export const CONTAINMENT_CASES: readonly ContainmentCase[] = [
  is('anything contains {}', { a: 1 }, {}),
  is('{} contains {}', {}, {}),
  is('a key with its value', { a: 1, b: 2 }, { a: 1 }),
  isNot('a key with another value', { a: 1 }, { a: 2 }),
  isNot('a missing key', { a: 1 }, { b: 1 }),
  isNot('a missing key, asked for as null', { a: 1 }, { b: null }),
  is('null is a value', { a: null }, { a: null }),
  isNot('a number is no text', { a: 1 }, { a: '1' }),
  isNot('false is not null', { a: false }, { a: null }),
  is('1.0 is 1', parse('{"a":1.0}'), parse('{"a":1}')),
  is('1e2 is 100', parse('{"a":1e2}'), { a: 100 }),
  is('nested objects recursively', { a: { b: { c: 1, d: 2 } } }, { a: { b: { d: 2 } } }),
  isNot('nested, at another level', { a: { b: 1 } }, { b: 1 }),
  is('an object contains an empty one at its key', { a: { b: 1 } }, { a: {} }),
  isNot('a scalar does not contain an empty object', { a: 1 }, { a: {} }),
  isNot('an array does not contain an empty object at its key', { a: [] }, { a: {} }),
  is('an array contains an empty one', { a: [1] }, { a: [] }),
  isNot('an object does not contain an empty array at its key', { a: {} }, { a: [] }),
  is('an element of an array', { tags: ['a', 'b'] }, { tags: ['b'] }),
  isNot('an element is not the scalar itself', { tags: ['a'] }, { tags: 'a' }),
  isNot('a scalar is not an array of it', { tags: 'a' }, { tags: ['a'] }),
  is('order and repetition do not count', { a: [1, 2] }, { a: [2, 1, 1, 1] }),
  isNot('every element counts', { a: [1, 2] }, { a: [1, 3] }),
  is('an object in an array, in part', { a: [{ b: 1, c: 2 }] }, { a: [{ b: 1 }] }),
  is('one object may satisfy two patterns', { a: [{ b: 1, c: 2 }] }, { a: [{ b: 1 }, { c: 2 }] }),
  isNot(
    'two objects do not satisfy one pattern together',
    { a: [{ b: 1 }, { c: 2 }] },
    { a: [{ b: 1, c: 2 }] },
  ),
  is('an array in an array', { a: [[1, 2], [3]] }, { a: [[1], [3]] }),
  isNot('two arrays do not satisfy one together', { a: [[1], [2]] }, { a: [[1, 2]] }),
  isNot('an element of an inner array is none of the outer', { a: [[1]] }, { a: [1] }),
  isNot('an element of the outer array is none of an inner', { a: [1] }, { a: [[1]] }),
  is('an empty array in an array', { a: [[1]] }, { a: [[]] }),
  isNot('no array in an array of scalars', { a: [1] }, { a: [[]] }),
  is('an empty object in an array of objects', { a: [{ b: 1 }] }, { a: [{}] }),
  isNot('no object in an array of scalars', { a: [1] }, { a: [{}] }),
  is('null in an array', { a: [null] }, { a: [null] }),
  is('__proto__ is a key', parse('{"__proto__":{"a":1}}'), parse('{"__proto__":{"a":1}}')),
  isNot('__proto__ is nobody else’s key', {}, parse('{"__proto__":{}}')),
  isNot('toString is nobody’s own key', {}, parse('{"constructor":{}}')),
  is('an empty key', { '': 1 }, { '': 1 }),
  isNot('a key that looks like a path', { a: { b: 1 } }, { 'a/b': 1 }),
  isNot('a key that looks like an index', { a: [1] }, { a: { '0': 1 } }),
  is('texts beyond the basic plane', { a: '\u{1f600}' }, { a: '\u{1f600}' }),
  is('an array contains a scalar, at the top only', ['a', 1], 'a'),
  is('an array contains an array', [1, 2], [1, 1, 1]),
  isNot('a scalar does not contain an array of it', 1, [1]),
  is('a scalar contains itself', 1, 1),
]
