import type { GraphDescriptor, GraphSchemas } from '@assistant-ledger/assistant'
import { describe, expect, test } from '@jest/globals'
import { drawingOf, schemasOf, subgraphsOf, unknownOf } from './answers.js'

const schemasNamed = (title: string): GraphSchemas => ({
  input_schema: { title, of: 'input' },
  output_schema: { title, of: 'output' },
  state_schema: { title, of: 'state' },
  config_schema: { title, of: 'config' },
  context_schema: null,
})
const drawn = (name: string) => ({ nodes: [{ id: name }], edges: [] })
const WHOLE: GraphDescriptor = {
  schemas: schemasNamed('root'),
  graph: drawn('plain'),
  xray: [drawn('one deep'), drawn('two deep')],
  subgraphs: { a: schemasNamed('a'), 'a|b': schemasNamed('a|b'), c: schemasNamed('c') },
  unknown: [],
}

describe('a drawing', () => {
  test.each([
    [false, 'plain'],
    [1, 'one deep'],
    [2, 'two deep'],
    [7, 'two deep'],
    [true, 'two deep'],
  ])('for xray %j is the one of that depth', (xray, name) => {
    expect(drawingOf(WHOLE, xray)).toEqual(drawn(name))
  })

  test('without subgraphs is the same at every depth', () => {
    for (const xray of [false, 1, true])
      expect(drawingOf({ ...WHOLE, xray: [] }, xray)).toEqual(drawn('plain'))
  })

  test('shows of a node its name, and not where its class is', () => {
    const nodes = [
      { id: 'a', type: 'runnable', data: { id: ['langgraph', 'RunnableCallable'], name: 'a' } },
      { id: 'b', type: 'schema', data: '__end__' },
    ]
    expect(drawingOf({ ...WHOLE, graph: { nodes, edges: [] } }, false)).toEqual({
      nodes: [{ id: 'a', type: 'runnable', data: { name: 'a' } }, nodes[1]],
      edges: [],
    })
  })

  test('that there is none of is none, and one without its subgraphs says so', () => {
    expect(drawingOf({ ...WHOLE, graph: null, unknown: ['/graph'] }, false)).toBeUndefined()
    const without = { ...WHOLE, xray: [], unknown: ['/xray'] }
    expect(drawingOf(without, true)).toEqual({ ...drawn('plain'), unknown: ['/xray'] })
    expect(drawingOf(without, false)).toEqual(drawn('plain'))
  })
})

test('schemas are named as in the API, and what is not known of them is named too', () => {
  expect(schemasOf('writer', WHOLE)).toEqual({ graph_id: 'writer', ...schemasNamed('root') })
  const unknown = ['/schemas/context_schema', '/subgraphs/a/config_schema', '/schemasx']
  expect(schemasOf('writer', { ...WHOLE, unknown })).toEqual({
    graph_id: 'writer',
    ...schemasNamed('root'),
    unknown: ['/schemas/context_schema'],
  })
})

describe('subgraphs', () => {
  test.each<[string | undefined, boolean, string[]]>([
    [undefined, false, ['a', 'c']],
    [undefined, true, ['a', 'a|b', 'c']],
    ['a', false, ['a']],
    ['a', true, ['a']],
    ['a|b', false, []],
    ['a|b', true, ['a|b']],
    ['b', true, []],
    ['constructor', true, []],
  ])('asked for %j, recurse %j', (namespace, recurse, names) => {
    expect(Object.keys(subgraphsOf(WHOLE, namespace, recurse))).toEqual(names)
  })

  test('have the names of both servers, and what is not known of each', () => {
    const unknown = ['/subgraphs/a/context_schema', '/subgraphs/a|b']
    const { a, c, 'a|b': b } = subgraphsOf({ ...WHOLE, unknown }, undefined, true) as Record<string, object>
    const schemas = schemasNamed('c')
    expect(c).toEqual({
      ...schemas,
      input: schemas.input_schema,
      output: schemas.output_schema,
      state: schemas.state_schema,
      config: schemas.config_schema,
    })
    expect(a).toMatchObject({ unknown: ['/subgraphs/a/context_schema'] })
    expect(b).toMatchObject({ unknown: ['/subgraphs/a|b'] })
    expect(unknownOf({ ...WHOLE, unknown: ['/subgraphs'] }, '/subgraphs/a')).toEqual({
      unknown: ['/subgraphs'],
    })
  })
})
