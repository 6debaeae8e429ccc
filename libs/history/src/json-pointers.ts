// JSON pointers (RFC 6901), and the parts of a content that they name: every value that is no object with keys of its
// own. An array is one part.
import type { JsonObject, JsonValue } from '@assistant-ledger/assistant'

export const pointerPart = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')

export const keysOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The parts, by pointer, in the order in which they stand. */
export function leavesOf(value: JsonValue): Map<string, JsonValue> {
  const leaves = new Map<string, JsonValue>()
  const walk = (here: JsonValue, pointer: string) => {
    const keys = isObject(here) ? Object.keys(here) : []
    if (keys.length === 0) leaves.set(pointer, here)
    for (const key of keys) walk((here as JsonObject)[key] as JsonValue, `${pointer}/${pointerPart(key)}`)
  }
  walk(value, '')
  return leaves
}

/** The value at a pointer; undefined when there is none. */
export function valueAt(value: JsonValue, pointer: string): JsonValue | undefined {
  let here: JsonValue | undefined = value
  for (const key of keysOf(pointer)) {
    if (!isObject(here) || !Object.hasOwn(here, key)) return undefined
    here = here[key]
  }
  return here
}
