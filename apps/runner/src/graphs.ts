// The graphs of langgraph.json, loaded as their authors wrote them: TypeScript or JavaScript, a compiled
// graph, a builder that is yet to be compiled, or a function of the configuration that makes one.
// TypeScript is the process's business: `main.ts` registers a loader for it.
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { RunnableConfig } from '@langchain/core/runnables'
import type { Pregel, StateGraph } from '@langchain/langgraph'

type Invocable = Pick<Pregel<never, never>, 'invoke'>
type Builder = Pick<StateGraph<unknown>, 'compile'>
type Exported = Invocable | Builder | ((config: RunnableConfig) => Exported | Promise<Exported>)

/** A graph by the name that langgraph.json gives it; `run` is one run with one configuration. */
export interface LoadedGraph {
  readonly name: string
  run(input: unknown, config: RunnableConfig): Promise<unknown>
}

/** langgraph.json or a graph that it names cannot be used. */
export class GraphNotLoaded extends Error {}

/**
 * @param file langgraph.json; the paths in it are relative to it
 * @param wanted the graphs to load, all when undefined
 * @throws GraphNotLoaded naming the graph and the reason
 */
export async function loadGraphs(
  file: string,
  wanted: readonly string[] | undefined,
): Promise<ReadonlyMap<string, LoadedGraph>> {
  const paths = await graphPaths(file)
  const names = wanted ?? [...paths.keys()]
  const loaded = new Map<string, LoadedGraph>()
  for (const name of names) {
    const path = paths.get(name)
    if (path === undefined) {
      throw new GraphNotLoaded(`graph ${name} is not in ${file}; it has ${[...paths.keys()].join(', ')}`)
    }
    loaded.set(name, await loadGraph(name, dirname(resolve(file)), path))
  }
  return loaded
}

async function graphPaths(file: string): Promise<ReadonlyMap<string, string>> {
  let read: unknown
  try {
    read = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new GraphNotLoaded(`${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
  const graphs = (read as { graphs?: Record<string, string | { path: string }> }).graphs ?? {}
  return new Map(Object.entries(graphs).map(([name, at]) => [name, typeof at === 'string' ? at : at.path]))
}

async function loadGraph(name: string, base: string, path: string): Promise<LoadedGraph> {
  const colon = path.lastIndexOf(':')
  const [source, variable] = [path.slice(0, colon), path.slice(colon + 1)]
  let exported: Exported | undefined
  try {
    const module = await import(pathToFileURL(resolve(base, source)).href)
    exported = module[variable]
  } catch (cause) {
    throw new GraphNotLoaded(`graph ${name} (${path}) does not load: ${(cause as Error).message}`, { cause })
  }
  if (exported === undefined) throw new GraphNotLoaded(`graph ${name}: ${source} exports no ${variable}`)
  const fixed = typeof exported === 'function' ? undefined : await compiled(exported, {})
  return {
    name,
    async run(input, config) {
      const graph = fixed ?? (await compiled(exported, config))
      return graph.invoke(input as never, config as never)
    },
  }
}

/** A factory is called for each run, since what it makes may depend on the assistant's configuration. */
async function compiled(exported: Exported, config: RunnableConfig): Promise<Invocable> {
  if (typeof exported === 'function') return compiled(await exported(config), config)
  return 'compile' in exported ? (exported.compile() as unknown as Invocable) : exported
}
