// What a runner tells of a graph: its drawings and its schemas, and what of them it could not find out. It has one hash
// in any language, by which the registry records it once and a presence names it (docs/wire.md).
import { canonical, sha256 } from './canonical.js'
import type { JsonObject } from './value.js'

/** More is not sent; the registry takes no more either. Of the canonical JSON. */
export const DESCRIPTOR_MOST_BYTES = 512 * 1024

/** JSON schemas, each null when the graph declares none, or when it could not be found out: `unknown` says which. */
export interface GraphSchemas {
  readonly input_schema: JsonObject | null
  readonly output_schema: JsonObject | null
  readonly state_schema: JsonObject | null
  readonly config_schema: JsonObject | null
  readonly context_schema: JsonObject | null
}

/** A drawing, as the LangGraph API has it. */
export interface GraphDrawing {
  readonly nodes: readonly JsonObject[]
  readonly edges: readonly JsonObject[]
}

export interface GraphDescriptor {
  readonly schemas: GraphSchemas
  /** Without what is inside of subgraphs; null when it cannot be drawn. */
  readonly graph: GraphDrawing | null
  /** `xray[d - 1]` has d levels of subgraphs drawn out; the last one has all. Empty: the same as `graph`. */
  readonly xray: readonly GraphDrawing[]
  /** By namespace, `a` or `a|b`, of every level. */
  readonly subgraphs: Readonly<Record<string, GraphSchemas>>
  /** JSON pointers of the parts that could not be found out, like `/schemas/context_schema`. */
  readonly unknown: readonly string[]
}

/** A descriptor, or a function that makes it: called once, when it is needed. It may take its time, and may throw. */
export type DescriptorSource = GraphDescriptor | (() => GraphDescriptor | Promise<GraphDescriptor>)

export interface HashedDescriptor {
  /** What is sent: what JSON leaves of it. */
  readonly descriptor: JsonObject
  /** SHA-256, hex, of its canonical JSON. */
  readonly hash: string
}

/** @throws Error in one sentence, when it is no JSON object or too large */
export function hashed(given: GraphDescriptor): HashedDescriptor {
  const text: string | undefined = JSON.stringify(given)
  if (!text?.startsWith('{')) throw new Error('the descriptor is no object')
  const descriptor: JsonObject = JSON.parse(text)
  const whole = canonical(descriptor)
  const bytes = Buffer.byteLength(whole)
  if (bytes > DESCRIPTOR_MOST_BYTES)
    throw new Error(`the descriptor has ${bytes} bytes, more than ${DESCRIPTOR_MOST_BYTES}`)
  return { descriptor, hash: sha256(whole) }
}
