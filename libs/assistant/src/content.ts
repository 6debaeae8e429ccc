// What a version holds, and how a partial content becomes a whole one. LangGraph's rules (its PATCH), decided here
// so that what is recorded is right whatever way it came in.
import { canonical, sha256 } from './canonical.js'
import { type Checked, CONTENT_LIMITS, checkJson } from './check-json.js'
import type { ContentPatch } from './command.js'
import type { JsonObject, JsonValue } from './json.js'
import { type Refusal, refuse } from './refusal.js'

/** A version's content. It never changes once recorded; all six fields are always present. */
export interface Content {
  readonly graph_id: string
  readonly name: string
  readonly description: string | null
  readonly config: JsonObject
  readonly context: JsonObject
  readonly metadata: JsonObject
}

/** SHA-256 of the content's canonical JSON: what a reference names, and a runner reports. */
export const contentHash = (content: Content): string => sha256(canonical(content))

/** What LangGraph calls an assistant that was given no name. */
const UNTITLED = 'Untitled'

/** The content of version 1. */
export function newContent(given: ContentPatch & { readonly graph_id: string }): Checked<Content> {
  const { graph_id } = given
  const empty: Content = {
    graph_id,
    name: UNTITLED,
    description: null,
    config: {},
    context: {},
    metadata: {},
  }
  return changedContent(empty, { ...given, name: given.name || UNTITLED })
}

/**
 * The content of the next version: absent keeps, config and context are replaced whole, metadata is merged at its
 * top level, `config.configurable` and `context` mirror each other.
 */
export function changedContent(live: Content, patch: ContentPatch): Checked<Content> {
  const fault = checkShape(patch)
  if (fault) return { ok: false, refusal: fault }
  const mirrored = mirror(live, patch)
  if ('code' in mirrored) return { ok: false, refusal: mirrored }
  const merged: Content = {
    graph_id: patch.graph_id ?? live.graph_id,
    name: patch.name ?? live.name,
    description: patch.description === undefined ? live.description : patch.description,
    ...mirrored,
    metadata: patch.metadata ? { ...live.metadata, ...patch.metadata } : live.metadata,
  }
  return checked(merged)
}

function checked(content: Content): Checked<Content> {
  for (const field of ['graph_id', 'name', 'description'] as const) {
    const clean = checkJson<JsonValue>(content[field], field)
    if (!clean.ok) return clean
  }
  const clean = checkJson(content as unknown as JsonObject, 'content')
  if (!clean.ok) return clean
  // Canonical JSON is as long as any: only the order of keys differs.
  const bytes = Buffer.byteLength(JSON.stringify(clean.value), 'utf8')
  if (bytes > CONTENT_LIMITS.bytes)
    return {
      ok: false,
      refusal: refuse(
        'invalid-config',
        `The content has ${bytes} bytes; at most ${CONTENT_LIMITS.bytes} are allowed${isFilled(content.context) ? ' (context counts twice, since it is mirrored into config.configurable)' : ''}`,
      ),
    }
  return { ok: true, value: clean.value as unknown as Content }
}

/** A content that is taken as it is: nothing is mirrored or filled in. */
export function wholeContent(given: Content): Checked<Content> {
  const fault = checkShape(given)
  if (fault) return { ok: false, refusal: fault }
  return checked(given)
}

function checkShape(patch: ContentPatch): Refusal | undefined {
  const { graph_id, config } = patch
  if (graph_id !== undefined && (graph_id === '' || graph_id.length > CONTENT_LIMITS.graphId))
    return refuse('invalid-config', `graph_id must have 1 to ${CONTENT_LIMITS.graphId} characters`, {
      field: 'graph_id',
    })
  for (const field of ['config', 'context', 'metadata'] as const) {
    const checked = patch[field] && checkJson(patch[field], field)
    if (checked && !checked.ok) return checked.refusal
  }
  if (!config) return undefined
  const { tags, recursion_limit, configurable } = config
  if (configurable !== undefined && !isObject(configurable))
    return refuse('invalid-config', 'config.configurable must be an object', { field: 'config/configurable' })
  if (tags !== undefined && !(Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')))
    return refuse('invalid-config', 'config.tags must be a list of strings', { field: 'config/tags' })
  if (recursion_limit !== undefined && !Number.isInteger(recursion_limit))
    return refuse('invalid-config', 'config.recursion_limit must be an integer', {
      field: 'config/recursion_limit',
    })
  return undefined
}

function mirror(live: Content, patch: ContentPatch): Pick<Content, 'config' | 'context'> | Refusal {
  const config = patch.config ?? live.config
  const configurable = patch.config?.configurable as JsonObject | undefined
  if (isFilled(configurable)) {
    if (isFilled(patch.context))
      // Letter by letter the platform's sentence: clients match on it.
      return refuse(
        'config-and-context',
        'Cannot specify both configurable and context. Prefer setting context alone. Context was introduced in LangGraph 0.6.0 and is the long term planned replacement for configurable.',
      )
    return { config, context: configurable }
  }
  if (patch.context) {
    const { configurable: _, ...rest } = config
    return {
      config: isFilled(patch.context) ? { ...rest, configurable: patch.context } : rest,
      context: patch.context,
    }
  }
  return patch.config ? { config, context: {} } : { config, context: live.context }
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isFilled = (value: JsonObject | undefined): value is JsonObject =>
  value !== undefined && Object.keys(value).length > 0
