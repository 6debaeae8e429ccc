// What is recorded of a graph, for ever: the descriptors that runners gave of it. The graph's code stays with them; a
// descriptor is what clients, and checks of a configuration, have to know of it. The names and fields are storage format,
// as in events.ts.
import type { JsonObject } from './json.js'
import { type Head, type Provenance, type SealedEvent, seal } from './seal.js'
import type { StoredEvent } from './upcast.js'

/** The five schemas of a graph, under the names of the LangGraph API. */
export const SCHEMA_NAMES = [
  'input_schema',
  'output_schema',
  'state_schema',
  'config_schema',
  'context_schema',
] as const

/** JSON schemas; null: the graph declares none, or it could not be found out and is among `unknown`. */
export type GraphSchemas = { readonly [Name in (typeof SCHEMA_NAMES)[number]]: JsonObject | null }

/** A drawing of a graph, as the LangGraph API has it. */
export interface GraphDrawing {
  /** `id`, and optionally `type`, `data` (an object or a text), `metadata`. */
  readonly nodes: readonly JsonObject[]
  /** `source`, `target`, and optionally `conditional`, `data`. */
  readonly edges: readonly JsonObject[]
}

/** All that is known of a graph, as one runner's code has it. Its hash is the SHA-256 of its canonical JSON (RFC 8785). */
export interface GraphDescriptor {
  readonly schemas: GraphSchemas
  /** Without its subgraphs; null: it cannot be drawn. */
  readonly graph: GraphDrawing | null
  /** With subgraphs drawn to depth 1, 2, …; the last one is also that of every greater depth. Empty: as `graph`. */
  readonly xray: readonly GraphDrawing[]
  /** Of every level, by namespace: `a`, `a|b`. */
  readonly subgraphs: Readonly<Record<string, GraphSchemas>>
  /** JSON pointers of the parts that the runner could not find out: shown as such, and never enforced. */
  readonly unknown: readonly string[]
}

/** In the stream `graph.<project>-<graph>`: a descriptor, once for each hash. */
export interface GraphRegistered {
  readonly type: 'GraphRegistered'
  readonly data: {
    readonly graph_id: string
    /** Of the descriptor. */
    readonly hash: string
    readonly descriptor: GraphDescriptor
    /** Who gave it first, by its own word. */
    readonly runner: string
    readonly build?: string
    readonly salt: string
  }
}

export type GraphEvent = GraphRegistered

/** The newest format of a graph's events. */
const GRAPH_SCHEMA = 1

/** An event of a `graph.` stream, undefined when this version cannot read it. */
export function readGraphEvent({ type, data, metadata }: StoredEvent): GraphEvent | undefined {
  const { schema } = (metadata ?? {}) as { schema?: unknown }
  if (typeof schema !== 'number' || schema > GRAPH_SCHEMA || type !== 'GraphRegistered') return undefined
  const { graph_id, hash, descriptor, runner } = (data ?? {}) as Partial<GraphRegistered['data']>
  if (typeof graph_id !== 'string' || typeof hash !== 'string' || typeof runner !== 'string') return undefined
  if (typeof descriptor !== 'object' || descriptor === null) return undefined
  return { type, data: data as GraphRegistered['data'] }
}

/** Seals an event of a `graph.` stream. */
export function sealGraphEvent(event: GraphEvent, head: Head, from: Provenance): SealedEvent<GraphEvent> {
  return seal([event], head, from)[0] as SealedEvent<GraphEvent>
}
