import { SCHEMA } from '@assistant-ledger/assistant'
import { expect, test } from '@jest/globals'
import { PROJECTION_VERSION } from './schema.js'

test('a new schema of events comes with a new projection version, which ends what was quarantined', () => {
  // Whoever raises SCHEMA raises PROJECTION_VERSION, and then both here.
  expect({ SCHEMA, PROJECTION_VERSION }).toEqual({ SCHEMA: 1, PROJECTION_VERSION: 7 })
})
