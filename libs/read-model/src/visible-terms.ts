// What the term index tells of who may see what: a condition as alternatives, each a list of terms. Where that is not
// the whole truth the alternatives find more, never less, and say so.
import { bounded, termsAt } from './terms.js'
import type { Condition } from './visible.js'

/** Alternatives that one query looks for, and terms of each; what a filter has beyond is checked on what these find. */
const MOST_ALTERNATIVES = 32
const MOST_TERMS = 12

export interface Alternatives {
  /** What may be seen has all terms of at least one; `[[]]`: no term is known, and `[]`: nothing may be seen. */
  readonly terms: readonly (readonly string[])[]
  /** Whether having them is being seen. */
  readonly exact: boolean
}

const EVERYTHING: Alternatives = { terms: [[]], exact: true }
const UNKNOWN: Alternatives = { terms: [[]], exact: false }

export function alternativesOf(condition: Condition): Alternatives {
  switch (condition.type) {
    case 'all':
      return condition.of.map(alternativesOf).reduce(both, EVERYTHING)
    case 'any':
      return oneOf(condition.of.map(alternativesOf))
    case 'equals':
    case 'has': {
      const { type, key, value } = condition
      const path = `m${JSON.stringify(key)}${type === 'has' ? '[]' : ''}`
      // A scalar at its path is one term. Of anything larger the terms say that it is contained, not that it is all.
      if (typeof value !== 'object' || value === null)
        return { terms: [[bounded(`${path}=${JSON.stringify(value)}`)]], exact: true }
      const terms = termsAt(path, value)
      return terms ? limited({ terms: [[...terms]], exact: false }) : { terms: [], exact: true }
    }
    default:
      return condition satisfies never
  }
}

function both(one: Alternatives, other: Alternatives): Alternatives {
  if (one.terms.length * other.terms.length > MOST_ALTERNATIVES) return { ...one, exact: false }
  return limited({
    terms: one.terms.flatMap((some) => other.terms.map((more) => [...new Set([...some, ...more])])),
    exact: one.exact && other.exact,
  })
}

function oneOf(all: readonly Alternatives[]): Alternatives {
  const terms = distinct(all.flatMap((one) => one.terms))
  const exact = all.every((one) => one.exact)
  if (terms.some(({ length }) => length === 0)) return { terms: [[]], exact }
  return terms.length > MOST_ALTERNATIVES ? UNKNOWN : { terms, exact }
}

const distinct = (lists: readonly (readonly string[])[]) => [
  ...new Map(lists.map((terms) => [JSON.stringify([...terms].sort()), terms])).values(),
]

const limited = ({ terms, exact }: Alternatives): Alternatives => ({
  terms: terms.map((some) => some.slice(0, MOST_TERMS)),
  exact: exact && terms.every(({ length }) => length <= MOST_TERMS),
})
