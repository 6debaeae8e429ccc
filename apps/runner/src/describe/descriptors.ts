// The descriptors of all graphs that a runner serves. One that cannot be described, or not in time, leaves the others, and
// what is wrong with it is told.
import type { Descriptors, GraphDescriptor } from '@assistant-ledger/client'
import type { DeployedGraph } from '../graphs.js'
import { type Compiled, describeGraph } from './describe.js'
import { readExtracted } from './extracted.js'
import { reasonOf } from './reason.js'

/** A factory may wait for something that never comes. */
const TIMEOUT_MS = 10_000

/** @param tell of a graph, one sentence at a time: what of it is unknown, and why */
export async function describeGraphs(
  graphs: Iterable<DeployedGraph>,
  tell: (graph: string, problem: string) => void,
  timeoutMs = TIMEOUT_MS,
): Promise<Descriptors> {
  const all: [string, GraphDescriptor][] = []
  for (const graph of graphs) {
    const told = (problem: string) => tell(graph.name, problem)
    const { schemas, problem } = await readExtracted(graph.source)
    if (problem !== undefined) told(problem)
    const made = within(timeoutMs, async () => describeGraph(await compiledOf(graph), schemas))
    const { descriptor, problems } = await made.catch((error: unknown) => {
      told(`it cannot be described: ${reasonOf(error)}`)
      return describeGraph(undefined, schemas)
    })
    problems.forEach(told)
    all.push([graph.name, descriptor])
  }
  return Object.fromEntries(all)
}

/** A factory makes what it makes of an empty configuration. An agent of LangChain has its graph within. */
async function compiledOf(graph: DeployedGraph): Promise<Compiled> {
  const made = (await graph.compiled({ configurable: {} })) as Compiled & { readonly graph?: Compiled }
  return typeof made.graph === 'object' && made.graph?.builder ? made.graph : made
}

async function within<T>(timeoutMs: number, act: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took more than ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([act(), late])
  } finally {
    clearTimeout(timer)
  }
}
