import type { JsonObject } from '@assistant-ledger/assistant'
import { describe, expect, test } from '@jest/globals'
import { type ContainmentCase, METADATA_CASES, TOP_LEVEL_CASES } from './containment.cases.js'
import { contains } from './contains.js'
import { planOf, termsOf } from './terms.js'

const parsed = ([value, pattern, contained]: ContainmentCase) => ({
  value: JSON.parse(value),
  pattern: JSON.parse(pattern),
  contained,
})

describe.each([
  ['an object', METADATA_CASES],
  ['anything', TOP_LEVEL_CASES],
] as const)('given %s at the top', (_what, cases) => {
  test.each(cases)('%s @> %s: %s', (...one) => {
    const { value, pattern, contained } = parsed(one)
    expect(contains(value, pattern)).toBe(contained)
  })
})

describe('by terms alone', () => {
  const contentWith = (metadata: JsonObject) => ({
    graph_id: 'g',
    name: '',
    description: null,
    config: {},
    context: {},
    metadata,
  })

  test.each(METADATA_CASES)('%s @> %s: %s', (...one) => {
    const { value, pattern, contained } = parsed(one)
    const plan = planOf({ metadata: pattern })
    const terms = termsOf(contentWith(value))
    const hasAll = plan?.branches[0]?.every((term) => terms.has(term)) ?? false
    // The index never loses a match, and where it leaves nothing to be checked it is the whole truth.
    if (contained) expect(hasAll).toBe(true)
    else if (plan && !plan.metadata) expect(hasAll).toBe(false)
  })
})
