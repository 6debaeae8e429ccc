// What an asker may see: a filter on stored metadata, as the handlers of LangGraph's auth modules return it. `matches`
// says what a filter means; searches ask the term index for the same (visible-terms.ts).
import type { JsonObject, JsonValue } from '@assistant-ledger/assistant'
import { isArray, isScalar } from './contains.js'

/**
 * `{key: value}` or `{key: {$eq: value}}`: that value; `{key: {$contains: value}}`: an array that has it, or all of them
 * where the value is an array itself. Several keys hold together; `$or` and `$and` take lists of filters. `{}` sees
 * everything.
 */
export type Filter = { readonly [key: string]: unknown }

/** A filter that was read. */
export type Condition =
  | { readonly type: 'all' | 'any'; readonly of: readonly Condition[] }
  | { readonly type: 'equals' | 'has'; readonly key: string; readonly value: JsonValue }

/** The limits of a filter. */
export const VISIBLE_LIMITS = {
  /** `$or` and `$and` inside each other; LangGraph's servers take two. */
  levels: 8,
  /** Conditions, and scalars, objects and arrays of their values. */
  parts: 1000,
  /** Objects and arrays inside each other in a value. */
  valueLevels: 32,
} as const

/** What was given is no filter. Nothing may be shown for it: what it was to hide is unknown. */
export class BadFilter extends Error {
  override readonly name = 'BadFilter'
}

/**
 * Whether an assistant with this metadata may be seen.
 * @throws BadFilter
 */
export const matches = (metadata: JsonObject, filter: Filter): boolean => fits(metadata, readFilter(filter))

export function fits(metadata: JsonObject, condition: Condition): boolean {
  switch (condition.type) {
    case 'all':
      return condition.of.every((one) => fits(metadata, one))
    case 'any':
      return condition.of.some((one) => fits(metadata, one))
    case 'equals': {
      const stored = ownValue(metadata, condition.key)
      return stored !== undefined && equal(stored, condition.value)
    }
    case 'has': {
      const stored = ownValue(metadata, condition.key)
      return (
        stored !== undefined && isArray(stored) && stored.some((element) => equal(element, condition.value))
      )
    }
    default:
      return condition satisfies never
  }
}

const ownValue = (metadata: JsonObject, key: string): JsonValue | undefined =>
  Object.hasOwn(metadata, key) ? metadata[key] : undefined

function equal(one: JsonValue, other: JsonValue): boolean {
  if (isScalar(one) || isScalar(other)) return one === other
  if (isArray(one) || isArray(other))
    return (
      isArray(one) &&
      isArray(other) &&
      one.length === other.length &&
      one.every((element, index) => equal(element, other[index] as JsonValue))
    )
  const keys = Object.keys(one)
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && equal(one[key] as JsonValue, other[key] as JsonValue))
  )
}

/** @throws BadFilter */
export const readFilter = (filter: Filter): Condition => new FilterReader().read(filter, 0)

class FilterReader {
  private parts = 0

  read(filter: unknown, level: number): Condition {
    if (!isPlain(filter)) throw new BadFilter('a filter has to be an object')
    if (level > VISIBLE_LIMITS.levels)
      throw new BadFilter(`$or and $and stand in each other more than ${VISIBLE_LIMITS.levels} times`)
    const of = Object.keys(filter).flatMap((key) => this.readKey(key, filter[key], level))
    return of.length === 1 && of[0] ? of[0] : { type: 'all', of }
  }

  private readKey(key: string, given: unknown, level: number): Condition[] {
    this.count()
    if (key === '$or' || key === '$and') {
      if (!Array.isArray(given)) throw new BadFilter(`${key} has to be a list of filters`)
      const of = Array.from(given, (one) => this.read(one, level + 1))
      return [{ type: key === '$or' ? 'any' : 'all', of }]
    }
    if (key.startsWith('$')) throw new BadFilter(`there is no ${shown(key)}; there are $or and $and`)
    if (!isPlain(given)) return [{ type: 'equals', key, value: this.value(given, key, 1) }]
    const operators = Object.keys(given)
    if (operators.length === 0) throw new BadFilter(`${shown(key)} has no operator`)
    return operators.flatMap((operator) => this.readOperator(key, operator, given[operator]))
  }

  private readOperator(key: string, operator: string, given: unknown): Condition[] {
    if (operator === '$eq') return [{ type: 'equals', key, value: this.value(given, key, 1) }]
    if (operator !== '$contains')
      throw new BadFilter(`${shown(key)} has ${shown(operator)}; there are $eq and $contains`)
    const wanted = Array.isArray(given) ? Array.from(given) : [given]
    // Taken by its letter it would hold for every array: more than whoever returned it meant.
    if (wanted.length === 0) throw new BadFilter(`${shown(key)} has an empty $contains`)
    return wanted.map((one) => ({ type: 'has', key, value: this.value(one, key, 1) }))
  }

  /** A JSON value, of whatever realm its prototypes are. */
  private value(given: unknown, key: string, level: number): JsonValue {
    this.count()
    if (level > VISIBLE_LIMITS.valueLevels) throw new BadFilter(`the value of ${shown(key)} is too deep`)
    if (given === null || typeof given === 'string' || typeof given === 'boolean') return given
    if (typeof given === 'number' && Number.isFinite(given)) return given
    if (Array.isArray(given)) return Array.from(given, (element) => this.value(element, key, level + 1))
    if (isPlain(given))
      return Object.fromEntries(
        Object.keys(given).map((name) => [name, this.value(given[name], key, level + 1)]),
      )
    // Undefined too: a handler that does not know the owner must not see what has none.
    throw new BadFilter(`the value of ${shown(key)} is ${typeof given} and no JSON`)
  }

  private count(): void {
    this.parts += 1
    if (this.parts > VISIBLE_LIMITS.parts)
      throw new BadFilter(`the filter has more than ${VISIBLE_LIMITS.parts} parts`)
  }
}

const shown = (key: string): string => JSON.stringify(key.slice(0, 100))

function isPlain(value: unknown): value is { readonly [key: string]: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
