// The search index's terms: what an assistant is found by, as texts. A term is a path and a scalar of its metadata
// (`m"tags"[]="a"`), an object or array there (`m"tags"[`), its graph, or three characters of its name. A filter is
// a conjunction of terms; where that is not yet the whole truth, the filter says so.
import { createHash } from 'node:crypto'
import type { Content, JsonObject, JsonValue } from '@assistant-ledger/assistant'
import { FilterTooLarge } from './errors.js'
import type { AssistantFilter } from './read-model.js'
import { type Condition, readFilter } from './visible.js'
import { alternativesOf } from './visible-terms.js'
import { withoutNul } from './without-nul.js'

/** The limits of a search's filter. */
export const FILTER_LIMITS = {
  /** Scalars, objects and arrays in a metadata filter. */
  parts: 1000,
  /** Terms that are looked up; what a filter has beyond them is checked on what these find. */
  terms: 12,
} as const

/** Levels that content can have, and then some: a deeper filter matches nothing. */
const MOST_LEVELS = 40
/** Characters of a term; a longer one is replaced by its hash, which keeps it distinct. */
const TERM_CHARACTERS = 96
const GRAM = 3

/** Upper and lower case are one in names, as in `ILIKE`. A sigma is one too, wherever in a word it stands. */
export const fold = (text: string): string => text.toLowerCase().replaceAll('ς', 'σ')

type Found = Pick<Content, 'graph_id' | 'name' | 'metadata'>

/** All terms of a version's content. */
export function termsOf(content: Found): Set<string> {
  const terms = new Set<string>()
  eachTerm(content, (term) => terms.add(term))
  return terms
}

/** Hands each term over, some of them more than once. */
export function eachTerm({ graph_id, name, metadata }: Found, take: (term: string) => void): void {
  take(graphTerm(graph_id))
  for (const gram of grams(fold(name))) take(`n${gram}`)
  for (const key of Object.keys(metadata))
    takeTerms(take, `m${JSON.stringify(key)}`, metadata[key] as JsonValue)
}

function takeTerms(take: (term: string) => void, path: string, value: JsonValue): void {
  if (typeof value !== 'object' || value === null) {
    take(bounded(`${path}=${JSON.stringify(value)}`))
  } else if (Array.isArray(value)) {
    take(bounded(`${path}[`))
    for (const element of value) takeTerms(take, `${path}[]`, element)
  } else {
    take(bounded(`${path}{`))
    for (const key of Object.keys(value))
      takeTerms(take, `${path}${JSON.stringify(key)}`, (value as JsonObject)[key] as JsonValue)
  }
}

const graphTerm = (graph: string): string => bounded(`g${graph}`)

export const bounded = (term: string): string =>
  term.length <= TERM_CHARACTERS ? term : `#${createHash('sha256').update(term).digest('base64url')}`

/** What follows each character, up to three of them, so that any part of the name begins one of its grams. */
function grams(name: string): string[] {
  const characters = SURROGATE.test(name) ? Array.from(name) : undefined
  const found: string[] = []
  for (let at = 0; at < (characters ?? name).length; at++)
    found.push(characters ? characters.slice(at, at + GRAM).join('') : name.slice(at, at + GRAM))
  return found
}

/** In a text without any, each unit of its encoding is a character. */
const SURROGATE = /[\ud800-\udfff]/

/** How a filter is answered. */
export interface FilterPlan {
  /** Every match has all terms of at least one of these; the only one is empty where no term is asked for. */
  readonly branches: readonly (readonly string[])[]
  /** Every match has a term that begins so, and all that have it match: a name part too short to be a term. */
  readonly prefix: string | undefined
  /** Part of the lower-cased name, still to be checked. */
  readonly name: string | undefined
  /** Metadata still to be checked. */
  readonly metadata: JsonObject | undefined
  /** What the asker may see: to be checked on every content that is read apart from the terms. */
  readonly visible: Condition | undefined
  /** Whether terms, prefix and name are the whole truth, so that no content has to be read to know a match. */
  readonly exact: boolean
}

/**
 * The plan of a filter, undefined when nothing can match it.
 * @throws FilterTooLarge @throws BadFilter
 */
export function planOf({ metadata, graph_id, name, visible }: AssistantFilter): FilterPlan | undefined {
  const pattern = metadata ? patternTerms(metadata) : { terms: new Set<string>(), exact: true }
  if (!pattern) return undefined
  const condition = visible && readFilter(visible)
  const seen = condition ? alternativesOf(condition) : { terms: [[]], exact: true }
  if (seen.terms.length === 0) return undefined
  const graph = graph_id === undefined ? [] : [graphTerm(withoutNul(graph_id))]
  const terms = [...graph, ...pattern.terms]
  const others = terms.length > 0 || seen.terms.every(({ length }) => length > 0)
  const named = nameTerms(fold(withoutNul(name ?? '')), others)
  const used = terms.slice(0, FILTER_LIMITS.terms - named.terms.length)
  const exact = pattern.exact && used.length === terms.length
  return {
    branches: seen.terms.map((some) => [...new Set([...used, ...some, ...named.terms])]),
    prefix: named.prefix,
    name: named.check,
    metadata: exact ? undefined : metadata,
    visible: condition,
    exact: exact && seen.exact,
  }
}

/**
 * Refuses a filter that is too large to be compared with many values.
 * @throws FilterTooLarge
 */
export const checkFilter = (metadata: JsonObject): void => void patternTerms(metadata)

function nameTerms(part: string, others: boolean) {
  const characters = Array.from(part)
  if (characters.length === 0) return { terms: [], prefix: undefined, check: undefined }
  if (characters.length < GRAM)
    return others
      ? { terms: [], prefix: undefined, check: part }
      : { terms: [], prefix: `n${part}`, check: undefined }
  const whole = [...new Set(grams(part).slice(0, characters.length - GRAM + 1))]
  const terms = spread(whole, NAME_TERMS).map((gram) => `n${gram}`)
  return { terms, prefix: undefined, check: characters.length === GRAM ? undefined : part }
}

/** Grams of a name part that are looked up: a few narrow it enough. */
const NAME_TERMS = 4

const spread = <T>(list: readonly T[], most: number): T[] =>
  list.length <= most
    ? [...list]
    : Array.from({ length: most }, (_, i) => list[Math.floor((i * list.length) / most)] as T)

/** A pattern's terms, and whether having them all is containing it; undefined when nothing can contain it. */
function patternTerms(
  pattern: JsonObject,
): { readonly terms: ReadonlySet<string>; readonly exact: boolean } | undefined {
  const walk = new PatternWalk()
  for (const key of Object.keys(pattern)) walk.visit(`m${JSON.stringify(key)}`, pattern[key] as JsonValue, 2)
  return walk.impossible ? undefined : walk
}

/** The terms of what contains a value at a path; undefined when nothing can. */
export function termsAt(path: string, value: JsonValue): ReadonlySet<string> | undefined {
  const walk = new PatternWalk()
  walk.visit(path, value, 2)
  return walk.impossible ? undefined : walk.terms
}

class PatternWalk {
  readonly terms = new Set<string>()
  exact = true
  impossible = false
  private parts = 0

  /** Returns how many ends (scalars, empty objects and arrays) the pattern has. */
  visit(path: string, pattern: JsonValue, level: number): number {
    this.parts += 1
    if (this.parts > FILTER_LIMITS.parts) throw new FilterTooLarge(FILTER_LIMITS.parts)
    if (level > MOST_LEVELS) return this.nothing()
    if (typeof pattern !== 'object' || pattern === null) {
      // A number beyond all doubles was read as Infinity, whose JSON text would be that of null.
      if (typeof pattern === 'number' && !Number.isFinite(pattern)) return this.nothing()
      return this.end(`${path}=${JSON.stringify(pattern)}`)
    }
    if (Array.isArray(pattern)) {
      if (pattern.length === 0) return this.end(`${path}[`)
      let ends = 0
      for (const part of pattern) {
        const inside = this.visit(`${path}[]`, part, level + 1)
        // Terms do not tell whether two ends are in the same element of an array.
        if (inside > 1) this.exact = false
        ends += inside
      }
      return ends
    }
    const keys = Object.keys(pattern)
    if (keys.length === 0) return this.end(`${path}{`)
    let ends = 0
    for (const key of keys)
      ends += this.visit(
        `${path}${JSON.stringify(key)}`,
        (pattern as JsonObject)[key] as JsonValue,
        level + 1,
      )
    return ends
  }

  private end(term: string): number {
    this.terms.add(bounded(term))
    return 1
  }

  private nothing(): number {
    this.impossible = true
    return 0
  }
}
