// A graph's descriptor: what is to be known of it without its code. Each part is made by itself, so that one which cannot be
// had leaves the others; it is named as unknown, and its reason is told.
import type { GraphDescriptor, GraphSchemas } from '@assistant-ledger/client'
import { type Drawable, draw, drawnOut } from './drawing.js'
import { reasonOf } from './reason.js'
import { type Extracted, type Schemas, schemasOf, type WithSchemas } from './schemas.js'

/** As much as the registry takes, of the descriptor as JSON. */
export const MOST_BYTES = 512 * 1024

/** A compiled graph, as far as it matters here. */
export interface Compiled extends Drawable, WithSchemas {
  getSubgraphsAsync(namespace?: string, recurse?: boolean): AsyncIterable<[string, Compiled]>
}

/** What was extracted from the sources, by namespace; that of the graph itself is empty. */
export type ExtractedAll = ReadonlyMap<string, Extracted>

export interface Described {
  readonly descriptor: GraphDescriptor
  /** Why parts are unknown, one sentence each. */
  readonly problems: readonly string[]
}

/** @param graph undefined when it cannot be had: then only what was extracted is known */
export async function describeGraph(
  graph: Compiled | undefined,
  extracted: ExtractedAll = new Map(),
): Promise<Described> {
  const unknown: string[] = []
  const problems: string[] = []
  const part = async <T>(pointer: string, make: (graph: Compiled) => Promise<T>): Promise<T | undefined> => {
    try {
      if (graph) return await make(graph)
    } catch (error) {
      problems.push(`${pointer} is unknown: ${reasonOf(error)}`)
    }
    unknown.push(pointer)
    return undefined
  }
  const noted = (pointer: string, of: Schemas): GraphSchemas => {
    unknown.push(...of.unknown.map((name) => `${pointer}/${name}`))
    problems.push(...of.problems.map((problem) => `${pointer}: ${problem}`))
    return of.schemas
  }

  const schemas = noted('/schemas', await schemasOf(graph, extracted.get('')))
  const alone = await part('/graph', (graph) => draw(graph))
  const xray = await part('/xray', async (graph) => drawnOut(graph, alone ?? (await draw(graph))))
  const inside = await part('/subgraphs', (graph) => subgraphsOf(graph, extracted))
  const subgraphs = Object.fromEntries(
    [...(inside ?? [])].map(([namespace, of]) => [namespace, noted(`/subgraphs/${escaped(namespace)}`, of)]),
  )
  const whole = { schemas, graph: alone ?? null, xray: xray ?? [], subgraphs, unknown }
  const { descriptor, left } = shortened(whole)
  if (left.length > 0) problems.push(`it has more than ${MOST_BYTES} bytes: ${left.join(', ')} left out`)
  return { descriptor, problems }
}

async function subgraphsOf(graph: Compiled, extracted: ExtractedAll): Promise<Map<string, Schemas>> {
  const found = new Map<string, Compiled>()
  for await (const [namespace, subgraph] of graph.getSubgraphsAsync(undefined, true))
    found.set(namespace, subgraph)
  const all = new Map<string, Schemas>()
  for (const [namespace, subgraph] of found)
    all.set(namespace, await schemasOf(subgraph, extracted.get(namespace)))
  return all
}

/** A part of a JSON pointer. */
const escaped = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1')

/** Without as many of its parts as it takes to be small enough, and which those are; the schemas stay. */
function shortened(whole: GraphDescriptor): { descriptor: GraphDescriptor; left: readonly string[] } {
  let descriptor = whole
  const left: string[] = []
  for (const [name, none] of [
    ['xray', []],
    ['subgraphs', {}],
    ['graph', null],
  ] as const) {
    if (Buffer.byteLength(JSON.stringify(descriptor)) <= MOST_BYTES) break
    const others = descriptor.unknown.filter((pointer) => !pointer.startsWith(`/${name}`))
    descriptor = { ...descriptor, [name]: none, unknown: [...others, `/${name}`] }
    left.push(`/${name}`)
  }
  return { descriptor, left }
}
