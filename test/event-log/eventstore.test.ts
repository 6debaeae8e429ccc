// EventStoreDB through the real client: the contract of the port on the stand-in, and on a real server when
// EVENTSTORE_TEST_URL names one. Any server will do: what is written there is of a project of its own.
import { afterAll, beforeAll, describe, jest } from '@jest/globals'
import { type EventStoreLog, openEventStoreLog } from '../../libs/event-log/src/index.js'
import { type StandIn, startStandIn } from '../support/event-store/start.js'
import { describeEventLog } from './contract.js'
import { PROJECT } from './events.js'
import { describeEventStore } from './eventstore-only.js'

jest.setTimeout(120_000)

function describeBoth(name: string, url: () => string): void {
  const open = (): Promise<EventStoreLog> => openEventStoreLog({ url: url(), project: PROJECT })
  describeEventLog(`${name} keeps the contract`, open)
  describe(`${name}, beyond the contract`, () => describeEventStore(url, open))
}

describe('the stand-in', () => {
  let standIn: StandIn
  beforeAll(async () => {
    standIn = await startStandIn()
  })
  afterAll(() => standIn?.stop())
  describeBoth('the stand-in', () => standIn.url)
})

const { EVENTSTORE_TEST_URL: real } = process.env
if (real) describeBoth('a real EventStoreDB', () => real)
