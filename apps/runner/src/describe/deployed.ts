// The descriptor of a graph that a runner serves. One that cannot be had, or not in time, leaves what was extracted from its
// sources, and why is told.
import type { GraphDescriptor } from '@assistant-ledger/client'
import type { DeployedGraph } from '../graphs.js'
import { type Compiled, describeGraph } from './describe.js'
import { readExtracted } from './extracted.js'
import { reasonOf } from './reason.js'

/** A factory may wait for something that never comes. */
const TIMEOUT_MS = 10_000

/** @param tell one sentence at a time: what is unknown, and why */
export async function describeDeployed(
  graph: DeployedGraph,
  tell: (problem: string) => void,
  timeoutMs = TIMEOUT_MS,
): Promise<GraphDescriptor> {
  const { schemas, problem } = await readExtracted(graph.source)
  if (problem !== undefined) tell(problem)
  const whole = within(timeoutMs, async () => describeGraph(await compiledOf(graph), schemas))
  const { descriptor, problems } = await whole.catch((error: unknown) => {
    tell(`it cannot be described: ${reasonOf(error)}`)
    return describeGraph(undefined, schemas)
  })
  problems.forEach(tell)
  return descriptor
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
