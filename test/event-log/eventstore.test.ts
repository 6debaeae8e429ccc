// EventStoreDB, a real one, when EVENTSTORE_TEST_URL names it: the contract of the port. Any server will do: what is
// written there is of a project of its own.
import { describe, jest, test } from '@jest/globals'
import { openEventStoreLog } from '../../libs/event-log/src/index.js'
import { describeEventLog } from './contract.js'
import { PROJECT } from './events.js'

jest.setTimeout(120_000)

const url = process.env.EVENTSTORE_TEST_URL

if (url)
  describeEventLog('a real EventStoreDB keeps the contract', () =>
    openEventStoreLog({ url, project: PROJECT, onTrouble: (line) => console.error(line) }),
  )
else describe('a real EventStoreDB', () => test.todo('EVENTSTORE_TEST_URL names none'))
