import { type Content, canonical, type JsonObject, type JsonValue } from '@assistant-ledger/assistant'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { changesOf } from './difference.js'
import { keysOf, leavesOf, valueAt } from './json-pointers.js'
import { HISTORY_LIMITS } from './limits.js'
import { type PatchOperation, patchOf } from './patch.js'
import { renderChanges } from './render.js'
import { Words } from './words.js'

const content = (more: Partial<Content> = {}): Content => ({
  graph_id: 'writer',
  name: 'Blog',
  description: null,
  config: {},
  context: {},
  metadata: {},
  ...more,
})
const context = (from: JsonObject, to: JsonObject, schema?: JsonValue) =>
  changesOf(content({ context: from }), content({ context: to }), schema)

const key = fc.constantFrom('a', 'b', '~', '/', 'a/b', '~1', '', 'constructor', 'toString')
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('x', 'y', 'one two three', 1, 0, true, null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  ),
})) as { value: fc.Arbitrary<JsonValue> }
const object = fc.dictionary(key, value, { maxKeys: 4 }) as fc.Arbitrary<JsonObject>
const contents = fc.record({
  graph_id: fc.constantFrom('writer', 'editor'),
  name: fc.string(),
  description: fc.option(fc.string()),
  config: object,
  context: object,
  metadata: object,
})

describe('a patch', () => {
  /** As RFC 6902 has it; keys such as `constructor` are keys like any other. */
  function applied(value: JsonValue, [key, ...rest]: string[], operation: PatchOperation): JsonValue {
    if (key === undefined) return operation.op === 'remove' ? null : operation.value
    if (Array.isArray(value)) {
      const index = key === '-' ? value.length : Number(key)
      const same = rest.length > 0 || operation.op === 'replace'
      const now =
        operation.op === 'remove' && rest.length === 0 ? [] : [applied(value[index], rest, operation)]
      return value.toSpliced(index, same || operation.op === 'remove' ? 1 : 0, ...now)
    }
    const entries = new Map(Object.entries(value as JsonObject))
    if (rest.length === 0 && operation.op !== 'add') expect(entries.has(key)).toBe(true)
    if (rest.length === 0 && operation.op === 'remove') entries.delete(key)
    else entries.set(key, applied(entries.get(key) as JsonValue, rest, operation))
    return Object.fromEntries(entries)
  }
  const patched = (from: Content, to: Content): JsonValue =>
    patchOf(from, to).reduce(
      (value, operation) => applied(value, keysOf(operation.path), operation),
      from as unknown as JsonValue,
    )

  test('makes the one of the other', () => {
    fc.assert(
      fc.property(contents, contents, (from, to) => {
        expect(canonical(patched(from, to))).toBe(canonical(to))
        expect(patchOf(from, from)).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  test('takes every key for what it is', () => {
    const odd = (value: number) =>
      content({ context: JSON.parse(`{"__proto__":{"a":${value}},"constructor":1}`) })
    expect(patchOf(odd(1), odd(2))).toEqual([{ op: 'replace', path: '/context/__proto__/a', value: 2 }])
    expect(changesOf(odd(1), odd(2)).map(({ pointer }) => pointer)).toEqual(['/context/__proto__/a'])
    expect(changesOf(content(), odd(2))).toHaveLength(2)
  })

  test('replaces an array that is too large to be compared element by element, in no time', () => {
    const large = (seed: number) =>
      content({ context: { all: Array.from({ length: 20_000 }, (_, n) => [n * seed, [n]]) } })
    const began = performance.now()
    expect(patchOf(large(1), large(1))).toEqual([])
    expect(patchOf(large(1), large(2)).map(({ op, path }) => [op, path])).toEqual([
      ['replace', '/context/all'],
    ])
    expect(performance.now() - began).toBeLessThan(2_000)
    expect(patchOf(content({ context: { all: [1, 2, 3] } }), content({ context: { all: [1, 3] } }))).toEqual([
      { op: 'remove', path: '/context/all/1' },
    ])
  })
})

describe('a difference to read', () => {
  test('names every field that differs, and none that does not', () => {
    fc.assert(
      fc.property(contents, contents, (from, to) => {
        const alike = { ...to, config: from.config, context: from.context }
        const pointers = new Set(changesOf(from, alike).map(({ pointer }) => pointer))
        const before = leavesOf(from as unknown as JsonValue)
        const after = leavesOf(alike as unknown as JsonValue)
        const isTold = (pointer: string) => [...pointers].some((one) => `${pointer}/`.startsWith(`${one}/`))
        for (const pointer of new Set([...before.keys(), ...after.keys()])) {
          const [old, now] = [before.get(pointer), after.get(pointer)]
          if (old === undefined || now === undefined || canonical(old) !== canonical(now))
            // An empty object that gets its first key is told by that key.
            expect(isTold(pointer) || [...pointers].some((one) => one.startsWith(`${pointer}/`))).toBe(true)
        }
        for (const pointer of pointers) {
          const [old, now] = [from, alike].map((one) => valueAt(one as unknown as JsonValue, pointer))
          expect([old === undefined, canonical(old ?? null)]).not.toEqual([
            now === undefined,
            canonical(now ?? null),
          ])
        }
        expect(changesOf(from, from)).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  test('shows values as old and new, what came and what went', () => {
    const changes = context({ model: 'one', top: 1 }, { model: 'two', heat: 0.5 })
    expect(changes).toEqual([
      { type: 'value', pointer: '/context/model', from: 'one', to: 'two' },
      { type: 'value', pointer: '/context/top', from: 1 },
      { type: 'value', pointer: '/context/heat', to: 0.5 },
    ])
    expect(renderChanges(changes)).toBe(
      'context.model: "one" → "two"\ncontext.top: [-1-]\ncontext.heat: {+0.5+}',
    )
  })

  test('says once what config.configurable and context both say', () => {
    const both = (model: string) => content({ config: { configurable: { model } }, context: { model } })
    expect(changesOf(both('a'), both('b')).map(({ pointer }) => pointer)).toEqual(['/context/model'])
    const odd = content({ config: { configurable: { model: 'c' } }, context: { model: 'b' } })
    expect(changesOf(both('b'), odd).map(({ pointer }) => pointer)).toContain('/config/configurable')
  })

  test('shows long texts by their words, with what is beside a change', () => {
    const long = (word: string) => `${'So it goes on and on. '.repeat(20)}Write a ${word} post.\nThanks.`
    const [change] = context({ prompt: long('blog') }, { prompt: long('short') })
    expect(change).toEqual({
      type: 'text',
      pointer: '/context/prompt',
      hunks: [
        { type: 'skipped', characters: 408 },
        { type: 'same', text: 'So it goes on and on. So it goes on and on. Write a '.slice(-40) },
        { type: 'removed', text: 'blog' },
        { type: 'added', text: 'short' },
        { type: 'same', text: ' post.\nThanks.' },
      ],
    })
    expect(renderChanges([change as never])).toMatch(
      /^context\.prompt:\n {3}… .*Write a \[-blog-\]\{\+short\+\} post\.\n {2}Thanks\.$/,
    )
  })

  test('of two texts gives both back', () => {
    const word = fc.constantFrom('a ', 'b ', '\n', 'c', ', ', '😀', 'ü')
    const text = fc.array(word, { maxLength: 60 }).map((words) => words.join(''))
    fc.assert(
      fc.property(text, text, (from, to) => {
        const hunks = new Words().between(from, to)
        const side = (other: string) =>
          hunks
            .map((hunk) => (hunk.type === 'skipped' ? '\u0000' : hunk.type === other ? '' : hunk.text))
            .join('')
        const is = (shown: string, whole: string) => {
          const parts = shown.split('\u0000')
          expect(parts.every((part) => part.isWellFormed())).toBe(true)
          const skipped = hunks.reduce(
            (sum, hunk) => sum + (hunk.type === 'skipped' ? hunk.characters : 0),
            0,
          )
          expect(shown.length - (parts.length - 1) + skipped).toBe(whole.length)
          let from = 0
          for (const part of parts) {
            from = whole.indexOf(part, from)
            expect(from).toBeGreaterThanOrEqual(0)
            from += part.length
          }
        }
        is(side('added'), from)
        is(side('removed'), to)
      }),
      { numRuns: 300 },
    )
  })

  test('of texts with nothing in common costs no more than it may', () => {
    const words = (seed: number) => Array.from({ length: 20_000 }, (_, n) => `w${n * seed}`).join(' ')
    const many = (seed: number) =>
      Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`p${n}`, words(seed)]))
    const began = performance.now()
    const changes = context(many(3), many(7))
    expect(changes).toHaveLength(20)
    expect(performance.now() - began).toBeLessThan(5_000)
    expect(HISTORY_LIMITS.words).toBeLessThan(20_000)
  })

  test('shows tools by name, where the name or the schema says that they are', () => {
    const tool = (name: string, description: string) => ({
      type: 'function',
      function: { name, description },
    })
    expect(context({ tools: ['search', 'browser'] }, { tools: ['browser', 'files'] })).toEqual([
      { type: 'tools', pointer: '/context/tools', added: ['files'], removed: ['search'], changed: [] },
    ])
    expect(context({ my_tools: [tool('a', '1'), tool('b', '1')] }, { my_tools: [tool('a', '2')] })).toEqual([
      { type: 'tools', pointer: '/context/my_tools', added: [], removed: ['b'], changed: ['a'] },
    ])
    const skills = [{ skills: ['a'] }, { skills: ['b'] }] as const
    expect(context(...skills)[0]?.type).toBe('value')
    for (const annotation of [
      { langgraph_type: 'tools' },
      { x_oap_ui_config: { type: 'tools' } },
      { 'x-role': 'tools' },
    ])
      expect(context(...skills, { properties: { skills: { type: 'array', ...annotation } } })[0]?.type).toBe(
        'tools',
      )
    const referred = {
      $defs: {
        Skills: {
          anyOf: [{ type: 'null' }, { type: 'object', properties: { own: { langgraph_type: 'tool' } } }],
        },
      },
      allOf: [{ properties: { skills: { $ref: '#/$defs/Skills' } } }],
    }
    expect(context({ skills: { own: ['a'] } }, { skills: { own: [] } }, referred)[0]).toMatchObject({
      type: 'tools',
      removed: ['a'],
    })
    expect(renderChanges(context({ tools: ['a'] }, { tools: ['b'] }))).toBe('context.tools: {+b+}, [-a-]')
  })

  test('shows what tools have no names, or only another order, as it is', () => {
    expect(context({ tools: ['a', 'b'] }, { tools: ['b', 'a'] })[0]?.type).toBe('value')
    expect(context({ tools: [1] }, { tools: [2] })[0]?.type).toBe('value')
    expect(context({ tools: ['a', 'a'] }, { tools: ['a'] })[0]?.type).toBe('value')
  })

  test('takes a short text for a prompt where the schema says so, and endures a schema that goes round', () => {
    const schema = { properties: { ask: { langgraph_type: 'prompt' } } }
    expect(context({ ask: 'Be kind' }, { ask: 'Be brief' }, schema)[0]?.type).toBe('text')
    expect(context({ ask: 'Be kind' }, { ask: 'Be brief' })[0]?.type).toBe('value')
    expect(context({ ask: 'a' }, { ask: 'b' }, { $ref: '#' })[0]?.type).toBe('value')
  })
})
