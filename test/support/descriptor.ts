// Descriptors of graphs as runners report them, each by a name that all of its parts carry.
import type { GraphDescriptor, GraphSchemas, JsonObject } from '@assistant-ledger/assistant'

export const schemasNamed = (name: string): GraphSchemas => ({
  input_schema: object(name, { topic: { type: 'string' } }),
  output_schema: object(name, { text: { type: 'string' } }),
  state_schema: object(name, { topic: { type: 'string' }, text: { type: 'string' } }),
  config_schema: null,
  context_schema: object(name, { model: { type: 'string' } }),
})

const object = (title: string, properties: JsonObject): JsonObject => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title,
  type: 'object',
  properties,
})

/** A drawing with one node of that name. */
export const drawn = (name: string) => ({
  nodes: [
    { id: '__start__', type: 'schema', data: '__start__' },
    { id: name, type: 'runnable', data: { id: ['langgraph', 'RunnableCallable'], name } },
    { id: '__end__', type: 'schema', data: '__end__' },
  ],
  edges: [
    { source: '__start__', target: name, conditional: false },
    { source: name, target: '__end__', conditional: true, data: 'done' },
  ],
})

export const descriptorNamed = (name: string, more: Partial<GraphDescriptor> = {}): GraphDescriptor => ({
  schemas: schemasNamed(name),
  graph: drawn(name),
  xray: [drawn(`${name} 1`), drawn(`${name} 2`)],
  subgraphs: {
    gp_two: schemasNamed(`${name} gp_two`),
    'gp_two|p_two': schemasNamed(`${name} gp_two|p_two`),
  },
  unknown: [],
  ...more,
})
