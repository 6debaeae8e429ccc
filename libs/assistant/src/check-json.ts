// Whether a JSON value can be stored and read back equal. Iterative, so that no depth of nesting can exhaust the
// stack, and it never copies through an API that treats keys such as `__proto__` specially.
import type { JsonValue } from './json.js'
import { type Refusal, type RefusalCode, refuse } from './refusal.js'

/** The limits of a version's content. */
export const CONTENT_LIMITS = {
  /** UTF-8 bytes of the whole content's canonical JSON, after merging. */
  bytes: 512 * 1024,
  /** Objects and arrays inside each other; `config` itself is the first. */
  depth: 32,
  /** Characters of a graph id. */
  graphId: 128,
} as const

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal }

/** What a value has to keep to. */
export interface JsonRules {
  /** Objects and arrays inside each other; the value itself is the first. */
  readonly depth: number
  /** Whether integers beyond 2^53 pass, as the nearest number that JSON carries. */
  readonly largeIntegers: boolean
  /** What a fault is refused as. */
  readonly code: RefusalCode
}

const CONTENT_RULES: JsonRules = {
  depth: CONTENT_LIMITS.depth,
  largeIntegers: false,
  code: 'invalid-config',
}

/**
 * Checks a value and replaces NUL by U+FFFD (as LangGraph does), at any depth, in keys too.
 * @param field names the value in refusals
 */
export function checkJson<T extends JsonValue>(value: T, field: string): Checked<T> {
  const fault = faultIn(value, field)
  if (fault) return { ok: false, refusal: fault }
  const text = JSON.stringify(value)
  if (!text.includes('\\u0000')) return { ok: true, value }
  return withoutNul(value, field)
}

/**
 * The first rule that a value breaks; undefined: none.
 * @param field names the value in the refusal
 */
export function faultIn(
  value: JsonValue,
  field: string,
  rules: JsonRules = CONTENT_RULES,
): Refusal | undefined {
  const fault = (where: string, path: string, what: string) => faultAt(where, path, what, rules.code)
  const open: { value: JsonValue; path: string; depth: number }[] = [{ value, path: '', depth: 1 }]
  for (let next = open.pop(); next; next = open.pop()) {
    const { value: here, path, depth } = next
    if (typeof here === 'string') {
      if (!here.isWellFormed()) return fault(field, path, 'holds a lone surrogate, which has no UTF-8 form')
    } else if (typeof here === 'number') {
      if (!Number.isFinite(here)) return fault(field, path, 'is not a finite number')
      if (!rules.largeIntegers && Number.isInteger(here) && !Number.isSafeInteger(here))
        return fault(
          field,
          path,
          'is an integer beyond 2^53, which JSON cannot carry exactly; send it as a string',
        )
    } else if (typeof here === 'object' && here !== null) {
      if (depth > rules.depth)
        return fault(field, path.slice(0, 200), `is nested deeper than ${rules.depth} levels`)
      for (const key of Object.keys(here)) {
        if (!key.isWellFormed())
          return fault(field, path, 'has a key with a lone surrogate, which has no UTF-8 form')
        open.push({
          value: (here as Record<string, JsonValue>)[key] as JsonValue,
          path: `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`,
          depth: depth + 1,
        })
      }
    } else if (here === undefined) return fault(field, path, 'is not a JSON value')
  }
  return undefined
}

const NUL = String.fromCharCode(0)

function withoutNul<T extends JsonValue>(value: T, field: string): Checked<T> {
  let collision = false
  // A reviver sees every key; JSON.parse defines properties, so `__proto__` stays an ordinary key.
  const clean = JSON.parse(JSON.stringify(value), (_key, here: JsonValue) => {
    if (typeof here === 'string') return here.replaceAll(NUL, '\ufffd')
    if (typeof here !== 'object' || here === null || Array.isArray(here)) return here
    if (!Object.keys(here).some((key) => key.includes(NUL))) return here
    const entries = Object.entries(here).map(
      ([key, inner]) => [key.replaceAll(NUL, '\ufffd'), inner] as const,
    )
    const renamed = Object.fromEntries(entries)
    if (Object.keys(renamed).length < entries.length) collision = true
    return renamed
  }) as T
  if (collision)
    return {
      ok: false,
      refusal: faultAt(field, '', 'has keys that are equal once NUL is replaced by U+FFFD', 'invalid-config'),
    }
  return { ok: true, value: clean }
}

function faultAt(field: string, path: string, what: string, code: RefusalCode): Refusal {
  const where = `${field}${path}`
  return refuse(code, `${where} ${what}`, { field: where })
}
