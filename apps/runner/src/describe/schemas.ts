// A graph's five schemas, by LangGraph's own functions: from the compiled graph what its schemas say at run time (zod and
// the like), from the extraction of its TypeScript sources what only types say. What neither gives is unknown.
import type { GraphSchemas, JsonObject } from '@assistant-ledger/client'
import { getRuntimeGraphSchema } from '@langchain/langgraph-api/schema'
import { reasonOf } from './reason.js'

/** As the functions name them. `config` is the context too: in JavaScript a graph declares one for both. */
export type Extracted = Partial<Readonly<Record<'state' | 'input' | 'output' | 'config', JsonObject>>>

export interface WithSchemas {
  readonly builder?: { readonly _configRuntimeSchema?: unknown }
}

const FROM = {
  input_schema: 'input',
  output_schema: 'output',
  state_schema: 'state',
  config_schema: 'config',
  context_schema: 'config',
} as const satisfies Record<keyof GraphSchemas, keyof Extracted>

const NAMES = Object.keys(FROM) as readonly (keyof GraphSchemas)[]

export interface Schemas {
  readonly schemas: GraphSchemas
  /** Those of which it is not known what they are, nor whether there is one. */
  readonly unknown: readonly (keyof GraphSchemas)[]
  /** What the functions failed with. */
  readonly problems: readonly string[]
}

/** @param graph undefined when there is only what was extracted */
export async function schemasOf(graph: WithSchemas | undefined, extracted: Extracted = {}): Promise<Schemas> {
  const problems: string[] = []
  const known = { ...extracted, ...(graph && (await atRunTime(graph, problems))) }
  const schemas = Object.fromEntries(NAMES.map((name) => [name, known[FROM[name]] ?? null]))
  return {
    schemas: schemas as unknown as GraphSchemas,
    unknown: NAMES.filter((name) => known[FROM[name]] === undefined),
    problems,
  }
}

async function atRunTime(graph: WithSchemas, problems: string[]): Promise<Extracted> {
  const ask = async (about: WithSchemas): Promise<Extracted> => {
    try {
      // Fields that are undefined are none.
      return JSON.parse(JSON.stringify((await getRuntimeGraphSchema(about as never)) ?? {}))
    } catch (error) {
      problems.push(reasonOf(error))
      return {}
    }
  }
  const first = await ask(graph)
  const declared = graph.builder?._configRuntimeSchema
  if (first.config !== undefined || declared === undefined) return first
  // Of a graph whose state is a StateSchema the function leaves the context out. It is asked for that alone.
  return { ...first, ...(await ask({ builder: { _configRuntimeSchema: declared } })) }
}
