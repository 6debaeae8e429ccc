import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EventLog, LogConflict, openEmbeddedLog } from '@assistant-ledger/event-log'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { FleetLog } from './record.js'

const ID = '00000000-0000-4000-8000-000000000001'
const EVENT = { type: 'RunnersReported', data: { reports: [] } } as const

let directory: string
let log: EventLog
let ours: FleetLog
let others: FleetLog
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fleet-log-'))
  log = await openEmbeddedLog({ file: join(directory, 'log.db') })
  ours = new FleetLog(log, 'default')
  others = new FleetLog(log, 'default')
})
afterEach(async () => {
  await log.close()
  await rm(directory, { recursive: true, force: true })
})

describe('two that record in one stream', () => {
  test.each([0, 1])(
    'given a look at %i events, then what somebody else appends after it makes our append a conflict, once',
    async (before) => {
      for (let n = 0; n < before; n++) await others.append(ID, EVENT)
      expect(await ours.look(ID)).toBe(before === 0 ? 0n : await log.head())
      await others.append(ID, EVENT)
      await expect(ours.append(ID, EVENT)).rejects.toBeInstanceOf(LogConflict)
      expect(await ours.look(ID)).toBe(await log.head())
      expect(await ours.append(ID, EVENT)).toBe(await log.head())
    },
  )

  test('given that others may have appended, then what is forgotten is looked up again', async () => {
    await ours.append(ID, EVENT)
    await others.append(ID, EVENT)
    ours.forget()
    expect(await ours.append(ID, EVENT)).toBe(await log.head())
  })
})
