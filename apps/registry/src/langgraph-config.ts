// What LANGGRAPH_CONFIG gives the system assistants of graphs when they are made: `{"<graph>": {"configurable": {…}}}`, or
// with a `context` in place of `configurable`, as LangGraph's own servers read it.
import { type JsonObject, newContent } from '@assistant-ledger/assistant'
import type { Graph } from './langgraph-json.js'
import { BadSetting } from './settings.js'

/**
 * The graphs with what their system assistants begin with.
 * @param text of the variable; undefined or empty: nothing. It is not repeated in faults, since it may hold a key
 * @param graphs those of the manifest; undefined when there is none
 * @throws BadSetting
 */
export function withDefaults(
  graphs: readonly Graph[] | undefined,
  text: string | undefined,
): readonly Graph[] | undefined {
  if (!text) return graphs
  if (!graphs) throw bad('is set, but there is no langgraph.json, and so no system assistant to use it')
  const defaults = defaultsIn(text)
  const names = graphs.map(({ id }) => id)
  const unknown = [...defaults.keys()].find((graph) => !names.includes(graph))
  if (unknown !== undefined)
    throw bad(
      `names the graph ${JSON.stringify(unknown)}, but langgraph.json has ${names.join(', ') || 'none'}`,
    )
  return graphs.map((graph) => ({ ...graph, ...defaults.get(graph.id) }))
}

type Defaults = Pick<Graph, 'config' | 'context'>

function defaultsIn(text: string): ReadonlyMap<string, Defaults> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw bad('is not JSON')
  }
  if (!isObject(parsed)) throw bad('has to be a JSON object with an object for each graph')
  return new Map(Object.entries(parsed).map(([graph, given]) => [graph, defaultsOf(graph, given)]))
}

function defaultsOf(graph: string, given: unknown): Defaults {
  const of = `of the graph ${JSON.stringify(graph)}`
  if (!isObject(given)) throw bad(`has to have an object ${of}`)
  const { context, ...config } = given
  if (context !== undefined && !isObject(context)) throw bad(`has a context ${of} that is no object`)
  const defaults = { config, ...(context === undefined ? {} : { context }) }
  // What cannot become an assistant is found out before anything is opened.
  const checked = newContent({ graph_id: graph, ...defaults })
  if (!checked.ok) throw bad(`has something ${of} that cannot be used: ${checked.refusal.detail}`)
  return defaults
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const bad = (what: string): BadSetting => new BadSetting(`LANGGRAPH_CONFIG ${what}`)
