// Containment as PostgreSQL's `@>` has it, for values that were parsed from JSON.
import type { JsonValue } from '@assistant-ledger/assistant'

/** Whether `value` contains `pattern`. The one exception to "the structures must match" holds at the top only. */
export function contains(value: JsonValue, pattern: JsonValue): boolean {
  if (Array.isArray(value) && isScalar(pattern)) return value.includes(pattern)
  return within(value, pattern)
}

function within(value: JsonValue, pattern: JsonValue): boolean {
  if (isScalar(pattern)) return value === pattern
  if (Array.isArray(pattern))
    return Array.isArray(value) && pattern.every((wanted) => value.some((element) => within(element, wanted)))
  if (isScalar(value) || Array.isArray(value)) return false
  return Object.keys(pattern).every(
    (key) => Object.hasOwn(value, key) && within(at(value, key), at(pattern, key)),
  )
}

type Scalar = string | number | boolean | null

const isScalar = (value: JsonValue): value is Scalar => typeof value !== 'object' || value === null

const at = (object: JsonValue, key: string): JsonValue =>
  (object as Record<string, JsonValue>)[key] as JsonValue
