import { createRequire } from 'node:module'
import { expect, test } from '@jest/globals'

test('the client is the one whose crashes after a lost connection are mended, and whose failures are known here', () => {
  const { version } = createRequire(import.meta.url)('@eventstore/db-client/package.json') as {
    version: string
  }
  // Before 6.2.1 a write after the end of a call ended the process. Each failure is classified by what this one does.
  expect(version).toBe('6.2.1')
})
