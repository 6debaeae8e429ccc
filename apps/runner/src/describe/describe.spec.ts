// Descriptors of real LangGraph graphs: drawings to every depth, subgraphs of every level, and the five schemas, each known
// or said to be unknown.
import { RunnableLambda } from '@langchain/core/runnables'
import { Annotation, END, entrypoint, START, StateGraph, StateSchema } from '@langchain/langgraph'
import { z } from 'zod'
import { type Compiled, describeGraph, MOST_BYTES } from './describe.js'

const Typed = Annotation.Root({ topic: Annotation<string>() })
const State = z.object({ topic: z.string(), text: z.string().optional() })
const Context = z.object({ prompt: z.string().describe('What it is told'), model: z.enum(['a', 'b']) })
const pass = async () => ({})
const step = () => RunnableLambda.from((state: object) => state)

/** One node after the other, each by its name. */
function chain(builder: unknown, nodes: Readonly<Record<string, unknown>>): Compiled {
  const graph = builder as StateGraph<unknown>
  const names = [START, ...Object.keys(nodes), END]
  for (const [name, node] of Object.entries(nodes)) graph.addNode(name, node as never)
  for (const [at, name] of names.slice(1).entries())
    graph.addEdge(names[at] as typeof START, name as typeof END)
  return graph.compile() as unknown as Compiled
}

const described = async (graph: Compiled | undefined) => (await describeGraph(graph)).descriptor
const ids = (drawing: { nodes: readonly object[] } | null | undefined) =>
  drawing?.nodes.map((node) => (node as { id: unknown }).id)

const ALL = ['input', 'output', 'state', 'config', 'context'].map((name) => `/schemas/${name}_schema`)

describe('a graph with zod schemas', () => {
  it('has all five schemas, the context being the config', async () => {
    const { schemas, unknown } = await described(chain(new StateGraph(State, Context), { write: pass }))
    expect(unknown).toEqual([])
    expect(schemas.context_schema).toMatchObject({
      type: 'object',
      properties: { prompt: { type: 'string', description: 'What it is told' }, model: { enum: ['a', 'b'] } },
      required: ['prompt', 'model'],
    })
    expect(schemas.config_schema).toEqual(schemas.context_schema)
    expect(schemas.output_schema).toMatchObject({ required: ['topic'] })
    expect(Object.keys(schemas.input_schema?.properties ?? {})).toEqual(['topic', 'text'])
    expect(schemas.state_schema).toMatchObject({ properties: { text: { type: 'string' } } })
  })

  it('is drawn as the platform draws it: no class of a node, and no xray where there is nothing inside', async () => {
    const { graph, xray, subgraphs } = await described(chain(new StateGraph(State), { write: pass }))
    expect(ids(graph)).toEqual(['__start__', 'write', '__end__'])
    expect(graph?.nodes[1]).toEqual({
      id: 'write',
      type: 'runnable',
      data: { name: 'write' },
      metadata: {},
    })
    expect(graph?.edges).toEqual([
      { source: '__start__', target: 'write', conditional: false },
      { source: 'write', target: '__end__', conditional: false },
    ])
    expect([xray, subgraphs]).toEqual([[], {}])
  })
})

it('the context of a graph whose state is a StateSchema is known', async () => {
  const state = new StateSchema({ topic: z.string() })
  const { schemas, unknown } = await described(
    chain(new StateGraph(state as never, Context), { write: pass }),
  )
  expect(schemas.context_schema).toMatchObject({ required: ['prompt', 'model'] })
  expect(schemas.state_schema).toMatchObject({ properties: { topic: { type: 'string' } } })
  expect(unknown).toEqual([])
})

it('what only types say is unknown at run time, and only that', async () => {
  const typed = await described(chain(new StateGraph(Typed, Typed), { write: pass }))
  expect(Object.values(typed.schemas)).toEqual([null, null, null, null, null])
  expect(typed.unknown).toEqual(ALL)
  const half = await described(chain(new StateGraph(Typed, Context as never), { write: pass }))
  expect(half.schemas.context_schema).toMatchObject({ required: ['prompt', 'model'] })
  expect(half.unknown).toEqual(ALL.slice(0, 3))
})

it('a schema that JSON schema cannot say is unknown, and the others are known', async () => {
  const Odd = z.object({ when: z.date() })
  const { schemas, unknown } = await described(chain(new StateGraph(Odd, Context), { write: pass }))
  expect(unknown).toEqual(ALL.slice(0, 3))
  expect(schemas.context_schema).not.toBeNull()
})

it('what was extracted from the sources fills what is not known at run time, and nothing else', async () => {
  const config = { type: 'object', properties: { model: { type: 'string' } } }
  const extracted = new Map([['', { config, input: { title: 'extracted' } }]])
  const typed = chain(new StateGraph(Typed), { write: pass })
  const { descriptor } = await describeGraph(typed, extracted)
  expect(descriptor.schemas.context_schema).toEqual(config)
  expect(descriptor.unknown).toEqual(['/schemas/output_schema', '/schemas/state_schema'])
  const zod = await describeGraph(chain(new StateGraph(State, Context), { write: pass }), extracted)
  expect(zod.descriptor.schemas.input_schema).not.toEqual({ title: 'extracted' })
})

describe('subgraphs', () => {
  const search = () => chain(new StateGraph(State), { ask: pass, rank: pass })
  const research = () => chain(new StateGraph(Typed), { plan: pass, search: search() })

  it('of every level have their schemas, each with what is unknown of it', async () => {
    const graph = chain(new StateGraph(State, Context), { research: research(), write: pass })
    const { subgraphs, unknown } = await described(graph)
    expect(Object.keys(subgraphs)).toEqual(['research', 'research|search'])
    expect(subgraphs['research|search']?.state_schema).toMatchObject({ properties: { text: {} } })
    expect(unknown).toEqual([
      ...ALL.map((pointer) => pointer.replace('/schemas', '/subgraphs/research')),
      '/subgraphs/research|search/config_schema',
      '/subgraphs/research|search/context_schema',
    ])
  })

  it('are drawn out level by level', async () => {
    const { graph, xray } = await described(
      chain(new StateGraph(State), { research: research(), write: pass }),
    )
    expect([graph, ...xray].map(ids)).toEqual([
      ['__start__', 'research', 'write', '__end__'],
      ['__start__', 'research:plan', 'research:search', 'write', '__end__'],
      ['__start__', 'research:plan', 'research:search:ask', 'research:search:rank', 'write', '__end__'],
    ])
  })

  it('behind one that has a single node are drawn out too, although one level changes nothing', async () => {
    const only = chain(new StateGraph(State), { search: search() })
    const { graph, xray } = await described(chain(new StateGraph(State), { only, write: pass }))
    expect(xray.map(ids)).toEqual([
      ids(graph),
      ['__start__', 'only:search:ask', 'only:search:rank', 'write', '__end__'],
    ])
  })

  it('with steps that have no names are the same at each start', async () => {
    const make = () => {
      const inner = chain(new StateGraph(State), { pipe: step().pipe(step()), end: pass })
      return chain(new StateGraph(State), { inner, pipe: step().pipe(step()) })
    }
    const [one, other] = await Promise.all([described(make()), described(make())])
    expect(one).toEqual(other)
    expect(ids(one.xray.at(-1))).toEqual(['__start__', 'inner:#1', 'inner:#2', 'inner:end', 4, 5, '__end__'])
    expect(one.xray.at(-1)?.edges).toContainEqual({ source: 'inner:#1', target: 'inner:#2' })
  })
})

describe('what cannot be had', () => {
  const broken = (part: Partial<Compiled>) =>
    Object.assign(chain(new StateGraph(State, Context), { write: pass }), part)
  const fails = (reason: string) => () => {
    throw new Error(reason)
  }

  it('of a graph that cannot be drawn is its drawings', async () => {
    const { descriptor, problems } = await describeGraph(broken({ getGraphAsync: fails('no canvas') }))
    expect(descriptor).toMatchObject({ graph: null, xray: [], unknown: ['/graph', '/xray'] })
    expect(descriptor.schemas.context_schema).not.toBeNull()
    expect(problems).toEqual(['/graph is unknown: no canvas', '/xray is unknown: no canvas'])
  })

  it('of a graph whose subgraphs cannot be listed is those, and what is drawn of them', async () => {
    const { descriptor } = await describeGraph(broken({ getSubgraphsAsync: fails('far away') }))
    expect(descriptor).toMatchObject({ xray: [], subgraphs: {}, unknown: ['/xray', '/subgraphs'] })
    expect(descriptor.graph).not.toBeNull()
  })

  it('of a function is what only a graph has', async () => {
    const task = entrypoint('task', async (input: { topic: string }) => input.topic)
    const { graph, unknown } = await described(task as unknown as Compiled)
    expect(unknown).toEqual(ALL)
    expect(graph).not.toBeNull()
  })

  it('of a graph that cannot be made is everything', async () => {
    const { schemas, graph, unknown } = await described(undefined)
    expect([Object.values(schemas), graph]).toEqual([[null, null, null, null, null], null])
    expect(unknown).toEqual([...ALL, '/graph', '/xray', '/subgraphs'])
  })
})

it('a descriptor that would be too large goes without its drawings, and says so', async () => {
  const names = Array.from({ length: 5 }, (_, at) => String(at).repeat(MOST_BYTES / 8))
  const inner = chain(new StateGraph(State), Object.fromEntries(names.map((name) => [name, pass])))
  const { descriptor, problems } = await describeGraph(chain(new StateGraph(State), { inner, write: pass }))
  expect(descriptor.xray).toEqual([])
  expect(descriptor.unknown).toContain('/xray')
  expect(Object.keys(descriptor.subgraphs)).toEqual(['inner'])
  expect(Buffer.byteLength(JSON.stringify(descriptor))).toBeLessThanOrEqual(MOST_BYTES)
  expect(problems).toEqual(['it has more than 524288 bytes: /xray left out'])
})
