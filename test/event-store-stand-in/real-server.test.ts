// The cases on the real server that EVENTSTORE_TEST_URL names, when it names one. It is a file of its own because the
// client keeps the appends under way of a whole process in one place.
import { describe, jest, test } from '@jest/globals'
import { describeCases } from './cases.js'

jest.setTimeout(60_000)

const url = process.env.EVENTSTORE_TEST_URL

if (url) describeCases(() => url)
else describe('a real server', () => test.skip('EVENTSTORE_TEST_URL is not set', () => undefined))
