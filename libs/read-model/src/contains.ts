// Whether a JSON value contains another one, with the meaning of PostgreSQL's jsonb `@>`, so that a filter finds the
// same on every database. The cases are in containment.cases.ts.
import type { JsonObject, JsonValue } from '@assistant-ledger/assistant'

/** Whether `value` contains `pattern`. An array also contains a scalar, but at the top level only. */
export function contains(value: JsonValue, pattern: JsonValue): boolean {
  if (Array.isArray(value) && isScalar(pattern)) return value.includes(pattern)
  return containsDeep(value, pattern)
}

function containsDeep(value: JsonValue, pattern: JsonValue): boolean {
  if (isScalar(pattern)) return value === pattern
  if (isScalar(value)) return false
  if (isArray(pattern)) return isArray(value) && pattern.every((part) => hasElement(value, part))
  if (isArray(value)) return false
  // Own keys only: `toString` and `__proto__` are found where they were sent, and nowhere else.
  return Object.keys(pattern).every(
    (key) =>
      Object.hasOwn(value, key) &&
      containsDeep(value[key] as JsonValue, (pattern as JsonObject)[key] as JsonValue),
  )
}

/** One element may satisfy any number of the pattern's. */
function hasElement(elements: readonly JsonValue[], part: JsonValue): boolean {
  if (isScalar(part)) return elements.includes(part)
  return elements.some((element) => containsDeep(element, part))
}

export const isScalar = (value: JsonValue): value is string | number | boolean | null =>
  typeof value !== 'object' || value === null

export const isArray = (value: JsonValue): value is readonly JsonValue[] => Array.isArray(value)
