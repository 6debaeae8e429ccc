// An assistant as a run takes it: frozen, complete, and able to say what a graph is to be invoked with. A run keeps
// the object it took; a swap puts another one in its place.

import { contentHash } from './canonical.js'
import { printReference } from './reference.js'
import type { Actor, Content, JsonObject } from './value.js'

/** The options of a run, as `graph.invoke(input, options)` takes them. */
export interface RunOptions {
  readonly configurable?: Readonly<Record<string, unknown>>
  readonly context?: Readonly<Record<string, unknown>>
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly [option: string]: unknown
}

/** What {@link Followed.runOptions} makes: a plain object of its own, that the graph may change. */
export interface MergedRunOptions<Context = Record<string, unknown>> {
  configurable: Record<string, unknown>
  context: Context
  metadata: Record<string, unknown>
  [option: string]: unknown
}

export type Source = 'live' | 'disk' | 'bundled' | 'pinned'

export interface Followed {
  readonly id: string
  readonly graphId: string
  readonly name: string
  readonly description: string | null
  readonly config: JsonObject
  readonly context: JsonObject
  readonly metadata: JsonObject
  readonly environment: string
  readonly generation: number
  readonly version: number
  /** SHA-256, hex, of the content. */
  readonly contentHash: string
  /** Names exactly this content: store it with a thread, and `pinned(ref)` gives it back. */
  readonly ref: string
  readonly source: Source
  readonly promotedAt: string | undefined
  readonly promotedBy: Actor | undefined
  /**
   * Merges as LangGraph does: the run's own over the assistant's, at the top level of configurable, context and
   * metadata each; any other option of the run replaces the assistant's. Metadata is stamped with assistant_id,
   * graph_id, assistant_version, assistant_hash, assistant_ref and environment, which a run cannot overwrite.
   *
   * `Context` is what the graph takes, inferred where the result is handed to it. Nothing here checks that: a
   * `validate` does.
   */
  runOptions<Context = Record<string, unknown>>(own?: RunOptions): MergedRunOptions<Context>
}

export interface FollowedParts {
  readonly assistantId: string
  readonly generation: number
  readonly version: number
  readonly content: Content
  readonly contentHash?: string
  readonly environment: string
  readonly source: Source
  readonly promotedAt?: string | undefined
  readonly promotedBy?: Actor | undefined
}

/** Takes the content over: it is frozen, not copied. */
export function makeFollowed(parts: FollowedParts): Followed {
  const content = deepFreeze(parts.content)
  const hash = parts.contentHash ?? contentHash(content)
  const { assistantId, generation, version } = parts
  const followed: Followed = {
    id: assistantId,
    graphId: content.graph_id,
    name: content.name,
    description: content.description,
    config: content.config,
    context: content.context,
    metadata: content.metadata,
    environment: parts.environment,
    generation,
    version,
    contentHash: hash,
    ref: printReference({ assistantId, generation, version, contentHash: hash }),
    source: parts.source,
    promotedAt: parts.promotedAt,
    promotedBy: deepFreeze(parts.promotedBy),
    runOptions: <Context>(own?: RunOptions) => mergeRunOptions<Context>(followed, own ?? {}),
  }
  return Object.freeze(followed)
}

function mergeRunOptions<Context>(assistant: Followed, own: RunOptions): MergedRunOptions<Context> {
  const { recursion_limit, ...config } = structuredClone(assistant.config) as Record<string, unknown>
  const configurable = { ...(config.configurable as object), ...own.configurable }
  // LangGraph's libraries for JavaScript spell it in camel case, its API and stored configs in snake case.
  const limit = recursion_limit === undefined ? {} : { recursionLimit: recursion_limit }
  return {
    ...config,
    ...limit,
    ...own,
    configurable,
    context: { ...(structuredClone(assistant.context) as object), ...own.context } as Context,
    metadata: {
      ...(structuredClone(assistant.metadata) as object),
      ...own.metadata,
      assistant_id: assistant.id,
      graph_id: assistant.graphId,
      assistant_version: assistant.version,
      assistant_hash: assistant.contentHash,
      assistant_ref: assistant.ref,
      environment: assistant.environment,
    },
  }
}

/** Without recursion: what comes from outside may be nested deeper than a stack. */
function deepFreeze<T>(value: T): T {
  const left: unknown[] = [value]
  for (let next = left.pop(); left.length > 0 || next !== undefined; next = left.pop()) {
    if (typeof next !== 'object' || next === null || Object.isFrozen(next)) continue
    Object.freeze(next)
    left.push(...Object.values(next).filter((inner) => typeof inner === 'object' && inner !== null))
  }
  return value
}
