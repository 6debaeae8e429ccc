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

/** Where a graph is. */
export interface GraphSource {
  readonly name: string
  /** As langgraph.json has it. */
  readonly path: string
  /** The module, absolute, and what it exports. */
  readonly file: string
  readonly variable: string
}

export interface DeployedGraph extends LoadedGraph {
  readonly source: GraphSource
  /** The compiled graph, made anew by a factory; a graph that is none is what it is, whatever the configuration. */
  compiled(config: RunnableConfig): Promise<object>
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
): Promise<ReadonlyMap<string, DeployedGraph>> {
  const sources = await graphSources(file)
  const names = wanted ?? [...sources.keys()]
  const loaded = new Map<string, DeployedGraph>()
  for (const name of names) {
    const source = sources.get(name)
    if (source === undefined) {
      throw new GraphNotLoaded(`graph ${name} is not in ${file}; it has ${[...sources.keys()].join(', ')}`)
    }
    loaded.set(name, await loadGraph(source))
  }
  return loaded
}

/** @throws GraphNotLoaded */
export async function graphSources(file: string): Promise<ReadonlyMap<string, GraphSource>> {
  let read: unknown
  try {
    read = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new GraphNotLoaded(`${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
  const graphs = (read as { graphs?: Record<string, string | { path: string }> }).graphs ?? {}
  return new Map(
    Object.entries(graphs).map(([name, at]) => {
      const path = typeof at === 'string' ? at : at.path
      const colon = path.lastIndexOf(':')
      const module = resolve(dirname(file), path.slice(0, colon))
      return [name, { name, path, file: module, variable: path.slice(colon + 1) }]
    }),
  )
}

async function loadGraph(source: GraphSource): Promise<DeployedGraph> {
  const { name, path, file, variable } = source
  let exported: Exported | undefined
  try {
    const module = await import(pathToFileURL(file).href)
    exported = module[variable]
  } catch (cause) {
    throw new GraphNotLoaded(`graph ${name} (${path}) does not load: ${(cause as Error).message}`, { cause })
  }
  if (exported === undefined)
    throw new GraphNotLoaded(`graph ${name} (${path}): the module exports no ${variable}`)
  const made = exported
  const fixed = typeof made === 'function' ? undefined : await compiled(made, {})
  return {
    name,
    source,
    compiled: async (config) => fixed ?? (await compiled(made, config)),
    async run(input, config) {
      const graph = fixed ?? (await compiled(made, config))
      return graph.invoke(input as never, config as never)
    },
  }
}

/** A factory is called for each run, since what it makes may depend on the assistant's configuration. */
async function compiled(exported: Exported, config: RunnableConfig): Promise<Invocable> {
  if (typeof exported === 'function') return compiled(await exported(config), config)
  return 'compile' in exported ? (exported.compile() as unknown as Invocable) : exported
}
