// The terms under which a search finds an assistant: one for the graph, one for each scalar of its metadata with
// the path to it, one for each three letters of its name. A pattern's terms are necessary for a match; where they
// are not sufficient, the candidates are checked one by one.
import { createHash } from 'node:crypto'
import { type Content, canonical, type JsonValue } from '@assistant-ledger/assistant'

/** Letters of a name that make a term: a name asked for with fewer is looked for in all names. */
export const GRAM_LETTERS = 3
/** Characters of a term: 96 bits of a hash, so that a long value makes no long row. */
const TERM_CHARACTERS = 16

export interface Terms {
  readonly terms: ReadonlySet<string>
  /** Whether whoever has all the terms matches; otherwise the match must be checked. */
  readonly sufficient: boolean
}

const term = (kind: string, value: string): string =>
  createHash('sha256').update(kind).update('\0').update(value).digest('base64url').slice(0, TERM_CHARACTERS)

export const graphTerm = (graph: string): string => term('graph', graph)

export function termsOf({ graph_id, name, metadata }: Content): ReadonlySet<string> {
  const { terms } = metadataTerms(metadata)
  const all = new Set(terms)
  for (const gram of grams(name.toLowerCase())) all.add(gram)
  all.add(graphTerm(graph_id))
  return all
}

/** The terms of a name as it is asked for, in any case. */
export const nameTerms = (name: string): Terms => ({ terms: grams(name.toLowerCase()), sufficient: false })

function grams(lower: string): Set<string> {
  const found = new Set<string>()
  for (let i = 0; i + GRAM_LETTERS <= lower.length; i++)
    found.add(term('name', lower.slice(i, i + GRAM_LETTERS)))
  return found
}

/** The terms of metadata, or of a pattern for it: a scalar with its path, where an array's step is 0. */
export function metadataTerms(metadata: JsonValue): Terms {
  const terms = new Set<string>()
  let sufficient = true
  const walk = (value: JsonValue, path: readonly (string | 0)[]) => {
    if (typeof value !== 'object' || value === null) {
      terms.add(term('metadata', canonical([path, value])))
      return
    }
    const below = Array.isArray(value)
      ? value.map((inner): [0, JsonValue] => [0, inner])
      : Object.entries(value as Record<string, JsonValue>)
    // What stands in an array must be found in one element of it, which terms cannot tell; nor can they see emptiness.
    if (below.length === 0 ? path.length > 0 : Array.isArray(value) && value.some(isContainer))
      sufficient = false
    for (const [step, inner] of below) walk(inner, [...path, step])
  }
  walk(metadata, [])
  return { terms, sufficient }
}

const isContainer = (value: JsonValue): boolean => typeof value === 'object' && value !== null
