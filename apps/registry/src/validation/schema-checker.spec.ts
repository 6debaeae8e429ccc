import type { JsonObject } from '@assistant-ledger/assistant'
import { afterEach, describe, expect, test } from '@jest/globals'
import { VALIDATION_LIMITS } from './limits.js'
import { SchemaChecker } from './schema-checker.js'
import { violationsOf } from './told.js'

const said: string[] = []
let checker = new SchemaChecker((line) => said.push(line))

afterEach(async () => {
  await checker.close()
  said.length = 0
  checker = new SchemaChecker((line) => said.push(line))
})

let schemas = 0
const check = (schema: object, value: object, id = `schema ${schemas++}`) =>
  checker.check(id, schema as JsonObject, value as JsonObject)

async function told(schema: object, value: object) {
  const verdict = await check(schema, value)
  if (verdict.type !== 'checked') throw new Error(verdict.type)
  return violationsOf(verdict.errors, '/context', 'd').map(({ pointer, message }) => `${pointer} ${message}`)
}

const strings = (...names: string[]) => ({
  type: 'object',
  properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
})

describe('what is told of a value', () => {
  test.each<[string, object, object, string[]]>([
    ['nothing of one that fits', strings('model'), { model: 'a', more: 1 }, []],
    ['a type', strings('model'), { model: 1 }, ['/context/model must be string']],
    [
      'what is missing',
      { ...strings('model'), required: ['model', 'constructor'] },
      {},
      ["/context must have required property 'model'", "/context must have required property 'constructor'"],
    ],
    [
      'nothing of a required field that has a default',
      { properties: { model: { type: 'string', default: 'sample-1' } }, required: ['model'] },
      {},
      [],
    ],
    [
      'what may not be there, by its own pointer',
      { ...strings('model'), additionalProperties: false },
      { 'a/b~': 'value' },
      ['/context/a~1b~0 is no property that the schema knows'],
    ],
    [
      'a choice',
      { properties: { model: { enum: ['a', 'b', null] }, size: { const: 3 } } },
      { model: 'secret value', size: 4 },
      ['/context/model must be one of "a", "b", null', '/context/size must be 3'],
    ],
    [
      'a union as one, as Python has it',
      { properties: { n: { anyOf: [{ type: 'integer' }, { type: 'null' }] } } },
      { n: 'x' },
      ['/context/n must be integer or null'],
    ],
    [
      'what stands in a list, by a definition',
      { properties: { tools: { items: { $ref: '#/$defs/tool' } } }, $defs: { tool: { required: ['name'] } } },
      { tools: [{ name: 1 }, {}] },
      ["/context/tools/1 must have required property 'name'"],
    ],
    [
      'a format',
      { properties: { at: { format: 'uri' } } },
      { at: 'x' },
      ['/context/at must match format "uri"'],
    ],
    ['a limit', { properties: { t: { maximum: 2 } } }, { t: 3 }, ['/context/t must be <= 2']],
    [
      'by draft 2020-12',
      {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        properties: { a: { prefixItems: [{ type: 'string' }] } },
      },
      { a: [1] },
      ['/context/a/0 must be string'],
    ],
    [
      'by draft 07',
      {
        $schema: 'http://json-schema.org/draft-07/schema#',
        properties: { a: { items: [{ type: 'string' }] } },
      },
      { a: [1] },
      ['/context/a/0 must be string'],
    ],
    [
      'by either, where none is named',
      { properties: { a: { items: [{ type: 'string' }], additionalItems: false } } },
      { a: ['x', 2] },
      ['/context/a must NOT have more than 1 items'],
    ],
    [
      'of keys that every object seems to have',
      JSON.parse('{"properties":{"__proto__":{"type":"string"},"toString":{"type":"number"}}}'),
      {},
      [],
    ],
    [
      'nothing by a pattern of another language, and the rest all the same',
      { properties: { a: { pattern: '(?P<x>a)' }, b: { pattern: '^b$' } } },
      { a: 'x', b: 'x' },
      ['/context/b must match pattern "^b$"'],
    ],
  ])('%s', async (_, schema, value, wanted) => expect(await told(schema, value)).toEqual(wanted))
})

describe('a schema that nothing can be checked against', () => {
  test.each<[string, object]>([
    ['another document', { $ref: 'https://elsewhere.test/schema.json' }],
    ['a file', { $ref: 'file:///etc/passwd' }],
    ['a circle', { $ref: '#' }],
    ['a circle of two', { $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' }],
    ['a type that there is not', { type: 'strnig' }],
    ['a keyword of another kind', { properties: [] }],
    ['the same id twice', { $id: 'x', $defs: { a: { $id: 'x' } } }],
    ['a schema that answers later', { $async: true, type: 'object' }],
  ])('%s: it is unknown, said once, and the next is checked', async (_, schema) => {
    expect(await check(schema, { a: 1 }, 'the schema')).toEqual({ type: 'unknown' })
    expect(await check(schema, { a: 1 }, 'the schema')).toEqual({ type: 'unknown' })
    expect(said).toEqual([expect.stringMatching(/^nothing is checked against the the schema: /)])
    expect(await told(strings('model'), { model: 1 })).toEqual(['/context/model must be string'])
  })

  test('one that is larger than any configuration needs', async () => {
    const schema = { description: 'x'.repeat(VALIDATION_LIMITS.schemaBytes) }
    expect(await check(schema, {})).toEqual({ type: 'unknown' })
    expect(said[0]).toMatch(/it has \d+ bytes/)
  })
})

describe('a schema that takes the thread for itself', () => {
  const HURRIED = { compile_ms: 10_000, check_ms: 1_000, rest_ms: 60_000 }
  const doubled = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [
      `d${i}`,
      i === 39 ? {} : { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
    ]),
  )

  test('by its pattern: the value was not checked, the schema rests, and others are checked again', async () => {
    checker = new SchemaChecker((line) => said.push(line), HURRIED)
    const schema = { properties: { a: { pattern: '^(a+)+$' } } }
    expect(await check(schema, { a: 'aaa' }, 'one')).toMatchObject({ type: 'checked', count: 0 })
    expect(await check(schema, { a: `${'a'.repeat(60)}!` }, 'one')).toEqual({ type: 'unfinished' })
    expect(await check(schema, { a: 'aaa' }, 'one')).toEqual({ type: 'unfinished' })
    expect(said).toHaveLength(1)
    expect(await check(strings('model'), { model: 1 }, 'other')).toMatchObject({ type: 'checked', count: 1 })
  })

  test('by its branches, whatever the value: it is unknown', async () => {
    checker = new SchemaChecker((line) => said.push(line), { ...HURRIED, compile_ms: 1_500 })
    expect(await check({ $defs: doubled, $ref: '#/$defs/d0' }, {})).toEqual({ type: 'unknown' })
    expect(said).toEqual([expect.stringMatching(/it took longer than 1500 ms/)])
  })

  test('by its memory: the thread dies alone', async () => {
    checker = new SchemaChecker((line) => said.push(line), { ...HURRIED, check_ms: 60_000 })
    const rules = Array.from({ length: 500 }, (_, i) => ({ required: [`property ${i}`] }))
    const rows = Array.from({ length: 50_000 }, () => ({}))
    const schema = { properties: { rows: { items: { allOf: rules } } } }
    expect(await check(schema, { rows })).toEqual({ type: 'unfinished' })
    expect(await check(strings('model'), { model: 1 })).toMatchObject({ type: 'checked', count: 1 })
  }, 60_000)
})

test('so many checks wait for the thread, one more is refused as busy, and then there is room again', async () => {
  const waiting = Array.from({ length: VALIDATION_LIMITS.waiting }, () => check(strings('a'), {}, 'one'))
  expect(() => check(strings('a'), {}, 'one')).toThrow('busy')
  for (const verdict of await Promise.all(waiting)) expect(verdict.type).toBe('checked')
  expect(await check(strings('a'), {}, 'one')).toMatchObject({ type: 'checked' })
})

test('after it was closed nothing is waited for', async () => {
  const pending = check({ properties: { a: { pattern: '^(a+)+$' } } }, { a: `${'a'.repeat(60)}!` })
  await checker.close()
  expect(['unknown', 'unfinished']).toContain((await pending).type)
  expect(said).toEqual([])
})
