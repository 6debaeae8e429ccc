import { describe, expect, test } from '@jest/globals'
import { canonical, sha256 } from './canonical.js'
import type { GraphDescriptor } from './graph.js'
import { DESCRIPTOR_LIMITS, readDescriptor } from './graph-check.js'
import type { JsonValue } from './json.js'

const SCHEMAS = {
  input_schema: { type: 'object' },
  output_schema: null,
  state_schema: { type: 'object', properties: { n: { maximum: 2 ** 63 } } },
  config_schema: null,
  context_schema: null,
}
const DRAWING = {
  nodes: [{ id: '__start__' }, { id: 1, type: 'runnable', data: { name: 'write' } }],
  edges: [{ source: '__start__', target: 1, conditional: false }],
}
const WHOLE: GraphDescriptor = {
  schemas: SCHEMAS,
  graph: DRAWING,
  xray: [DRAWING],
  subgraphs: { a: SCHEMAS, 'a|b': SCHEMAS },
  unknown: ['/schemas/config_schema'],
}

const read = (value: unknown) => readDescriptor(value as JsonValue, 'descriptor')
const nested = (levels: number): unknown => JSON.parse(`${'{"items":'.repeat(levels)}{}${'}'.repeat(levels)}`)
const withInput = (input_schema: unknown) => ({ ...WHOLE, schemas: { ...SCHEMAS, input_schema } })

describe('a descriptor', () => {
  test('is taken as it is, and named by the hash of its canonical JSON, in whatever order its keys came', () => {
    expect(read(WHOLE)).toEqual({
      ok: true,
      value: { descriptor: WHOLE, hash: sha256(canonical(WHOLE)) },
    })
    const turned = Object.fromEntries(Object.entries(WHOLE).reverse())
    expect(read(turned)).toMatchObject({ value: { hash: sha256(canonical(WHOLE)) } })
  })

  test('with odd keys and NUL is taken as it is too', () => {
    const odd = JSON.parse('{"__proto__":{"type":"null"},"constructor":{"const":"\\u0000"}}')
    const read_ = read(withInput({ properties: odd }))
    expect(read_.ok && JSON.stringify(read_.value.descriptor.schemas.input_schema)).toBe(
      JSON.stringify({ properties: odd }),
    )
  })

  test.each<[unknown, string, string?]>([
    [null, 'descriptor'],
    [[], 'descriptor'],
    ['x', 'descriptor'],
    [{}, 'descriptor/schemas'],
    [{ ...WHOLE, hash: 'h' }, 'descriptor/hash'],
    [{ ...WHOLE, 'a/b~': 1 }, 'descriptor/a~1b~0'],
    [{ ...WHOLE, schemas: null }, 'descriptor/schemas'],
    [{ ...WHOLE, schemas: {} }, 'descriptor/schemas/input_schema'],
    [{ ...WHOLE, schemas: { ...SCHEMAS, more: {} } }, 'descriptor/schemas/more'],
    [withInput(true), 'descriptor/schemas/input_schema'],
    [withInput([]), 'descriptor/schemas/input_schema'],
    [withInput({ enum: ['\ud800'] }), 'descriptor/schemas/input_schema/enum/0'],
    [withInput({ minimum: Number.NEGATIVE_INFINITY }), 'descriptor/schemas/input_schema/minimum'],
    [{ ...WHOLE, graph: { nodes: [] } }, 'descriptor/graph/edges'],
    [{ ...WHOLE, graph: { nodes: [{ id: null }], edges: [] } }, 'descriptor/graph/nodes/0'],
    [{ ...WHOLE, graph: { nodes: {}, edges: [] } }, 'descriptor/graph/nodes'],
    [{ ...WHOLE, graph: { nodes: [], edges: [{ source: 'a' }] } }, 'descriptor/graph/edges/0'],
    [{ ...WHOLE, xray: [null] }, 'descriptor/xray/0'],
    [{ ...WHOLE, xray: {} }, 'descriptor/xray'],
    [{ ...WHOLE, subgraphs: [] }, 'descriptor/subgraphs'],
    [{ ...WHOLE, subgraphs: { 'a||b': SCHEMAS } }, 'descriptor/subgraphs'],
    [{ ...WHOLE, subgraphs: { 'a|b': { state_schema: {} } } }, 'descriptor/subgraphs/a|b/input_schema'],
    [{ ...WHOLE, unknown: ['schemas'] }, 'descriptor/unknown/0'],
    [{ ...WHOLE, unknown: [7] }, 'descriptor/unknown/0'],
  ])('%j is refused where it is wrong', (value, field) => {
    expect(read(value)).toMatchObject({ ok: false, refusal: { code: 'invalid-request', field } })
  })

  test('of any depth is judged without recursion', () => {
    const most = DESCRIPTOR_LIMITS.depth - 3
    expect(read(withInput(nested(most))).ok).toBe(true)
    for (const levels of [most + 1, 50_000])
      expect(read(withInput(nested(levels)))).toMatchObject({
        refusal: { code: 'invalid-request', detail: expect.stringContaining('deeper than') },
      })
  })

  test('of more bytes than allowed is refused as too large, by the byte', () => {
    const room = DESCRIPTOR_LIMITS.bytes - Buffer.byteLength(canonical(withInput({ title: '' })))
    expect(read(withInput({ title: 'x'.repeat(room) })).ok).toBe(true)
    expect(read(withInput({ title: 'x'.repeat(room + 1) }))).toMatchObject({
      refusal: { code: 'too-large', field: 'descriptor' },
    })
  })
})
