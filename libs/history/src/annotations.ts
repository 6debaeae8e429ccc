// What a graph's schema says of a part of the context beyond its type: LangGraph's `langgraph_type`, and the `x-…`
// annotations of user interfaces. Only what tells prompts and tools from other values is read.
import type { JsonObject, JsonValue } from '@assistant-ledger/assistant'
import { isObject, keysOf } from './json-pointers.js'

export type Role = 'prompt' | 'tools'

/** References that follow one another in a schema. */
const MOST_REFERENCES = 16

/**
 * The role of a part of the context.
 * @param pointer within the context
 */
export function roleIn(schema: JsonValue | undefined, pointer: string): Role | undefined {
  let here = isObject(schema) ? schema : undefined
  for (const key of keysOf(pointer)) here = propertyOf(schema, here, key)
  return here && roleOf(here)
}

function propertyOf(
  root: JsonValue | undefined,
  schema: JsonObject | undefined,
  key: string,
): JsonObject | undefined {
  for (const form of formsOf(root, schema, 0)) {
    const { properties } = form
    if (!isObject(properties) || !Object.hasOwn(properties, key)) continue
    const property = properties[key]
    if (isObject(property)) return property
  }
  return undefined
}

/** The schema, what it refers to, and what it combines. */
function* formsOf(
  root: JsonValue | undefined,
  schema: JsonObject | undefined,
  depth: number,
): Generator<JsonObject> {
  if (!schema || depth > MOST_REFERENCES) return
  yield schema
  const { $ref } = schema
  if (typeof $ref === 'string' && $ref.startsWith('#')) {
    let target: JsonValue | undefined = root
    for (const key of keysOf($ref.slice(1)))
      target = isObject(target) && Object.hasOwn(target, key) ? target[key] : undefined
    if (isObject(target)) yield* formsOf(root, target, depth + 1)
  }
  for (const combined of ['allOf', 'anyOf', 'oneOf']) {
    const all = schema[combined]
    if (Array.isArray(all)) for (const one of all) if (isObject(one)) yield* formsOf(root, one, depth + 1)
  }
}

function roleOf(schema: JsonObject): Role | undefined {
  for (const [name, said] of Object.entries(schema)) {
    if (name !== 'langgraph_type' && !/^x[-_]/.test(name)) continue
    const type = isObject(said) ? said.type : said
    if (typeof type !== 'string') continue
    if (/tool/i.test(type)) return 'tools'
    if (/prompt|textarea/i.test(type)) return 'prompt'
  }
  return undefined
}
