import { LogConflict, LogInDoubt, LogUnavailable } from '@assistant-ledger/event-log'
import { expect, test } from '@jest/globals'
import { Observed } from './observed.js'
import { partsOf } from './readiness.js'

const log = { head: async () => 7n }
const model = { position: 7n, quarantined: [], fleet: { runners: async () => [] } }

const partOf = async (observed: Observed, part: string) => (await partsOf(observed))[part]

test.each([new LogUnavailable('gone'), new LogInDoubt('no word')])(
  'given an append that ended with %s, then the log is not writable until one is taken',
  async (failure) => {
    const observed = Object.assign(new Observed(), { log, model })
    observed.appended(failure)
    expect(await partOf(observed, 'log')).toMatchObject({ status: 'down', word: 'not-writable' })
    observed.appended(undefined)
    expect(await partOf(observed, 'log')).toMatchObject({ status: 'up', position: '7' })
  },
)

test('given a conflict, then the log is as well as before', async () => {
  const observed = Object.assign(new Observed(), { log, model })
  observed.appended(new LogConflict('stream', 1n, 2n))
  expect(await partOf(observed, 'log')).toMatchObject({ status: 'up' })
})

test('given parts that fail to answer, then it is said and nothing is thrown', async () => {
  const failing = { head: () => Promise.reject(new LogUnavailable('gone')) }
  const broken = { ...model, fleet: { runners: () => Promise.reject(new Error('no such table')) } }
  const observed = Object.assign(new Observed(), { log: failing, model: broken })
  expect(await partOf(observed, 'log')).toMatchObject({ status: 'down', word: 'away' })
  expect(await partOf(observed, 'read_model')).toMatchObject({ status: 'down', word: 'away' })
})

test('given a publication that is held up, then its reason is said', async () => {
  const publication = { position: 3n, isUp: false, brokenBy: new Error('no stream'), markedAt: undefined }
  const observed = Object.assign(new Observed(), { log, model, publication })
  expect(await partOf(observed, 'publication')).toMatchObject({
    status: 'degraded',
    word: 'held-up',
    reason: 'no stream',
  })
})
