// An old content as a new version: the update that makes it, since nothing recorded is ever written anew.
import { type Content, type ContentPatch, canonical, type JsonValue } from '@assistant-ledger/assistant'
import { isObject, pointerPart } from './json-pointers.js'

export interface Revert {
  /** The fields of an update; undefined when there is nothing to change. */
  readonly patch: ContentPatch | undefined
  /** What an update cannot take back, by pointer: metadata is merged, so a key that came stays, and so does a description. */
  readonly left: readonly string[]
}

/** The update that makes `then` of what is live now. */
export function revertOf(now: Content, then: Content): Revert {
  const left: string[] = []
  const patch: { -readonly [Field in keyof ContentPatch]: ContentPatch[Field] } = {}
  if (now.graph_id !== then.graph_id) patch.graph_id = then.graph_id
  if (now.name !== then.name) patch.name = then.name
  if (now.description !== then.description) {
    if (then.description === null) left.push('/description')
    else patch.description = then.description
  }
  // The config brings the context along, which it mirrors: with both an update would be refused.
  if (!same(now.config, then.config) || !same(now.context, then.context)) {
    const { configurable } = then.config
    const brings = isObject(configurable) && Object.keys(configurable).length > 0 ? configurable : {}
    if (same(brings, then.context)) patch.config = then.config
    else patch.context = then.context
  }
  const metadata: [string, JsonValue][] = Object.entries(then.metadata).filter(
    ([key, value]) => !Object.hasOwn(now.metadata, key) || !same(now.metadata[key] as JsonValue, value),
  )
  if (metadata.length > 0) patch.metadata = Object.fromEntries(metadata)
  for (const key of Object.keys(now.metadata))
    if (!Object.hasOwn(then.metadata, key)) left.push(`/metadata/${pointerPart(key)}`)
  return { patch: Object.keys(patch).length > 0 ? patch : undefined, left }
}

const same = (one: JsonValue, other: JsonValue): boolean => canonical(one) === canonical(other)
