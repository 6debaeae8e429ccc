import { expect, test } from '@jest/globals'
import { CONTAINMENT_CASES } from './containment.cases.js'
import { contains } from './contains.js'
import { metadataTerms } from './terms.js'

test.each(CONTAINMENT_CASES.map((one) => [one.what, one] as const))(
  '%s',
  (_what, { value, pattern, contained }) => {
    expect(contains(value, pattern)).toBe(contained)
  },
)

test.each(
  CONTAINMENT_CASES.filter(({ value }) => typeof value === 'object' && !Array.isArray(value)).map(
    (one) => [one.what, one] as const,
  ),
)('by terms: %s', (_what, { value, pattern, contained }) => {
  const wanted = metadataTerms(pattern)
  const has = metadataTerms(value).terms
  const all = [...wanted.terms].every((term) => has.has(term))
  if (contained) expect(all).toBe(true)
  else if (wanted.sufficient) expect(all).toBe(false)
})
