// The read database belongs to one log: of another one, or ahead of its own, it is made again.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EventLog, openEmbeddedLog } from '@assistant-ledger/event-log'
import { openReadModel, Projection } from '@assistant-ledger/read-model'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { openLedger, raiseEpoch } from '../../apps/registry/src/roles/ledger.js'
import { openReadDatabase } from '../../apps/registry/src/roles/read-database.js'
import { readSettings } from '../../apps/registry/src/settings.js'

const PROJECT = 'default'

let directory: string
let file: string
const logs: EventLog[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'read-database-'))
  file = join(directory, 'read-model.db')
})
afterEach(async () => {
  for (const log of logs.splice(0)) await log.close()
  await rm(directory, { recursive: true, force: true })
})

/** A log of so many events. */
async function logOf(name: string, events: number) {
  const log = await openEmbeddedLog({ file: join(directory, name) })
  logs.push(log)
  const ledger = await openLedger(log, PROJECT)
  for (let more = 1; more < events; more++) await raiseEpoch(log, PROJECT, { position: 0n, epoch: 0 })
  return { log, ledger }
}

async function projected(log: EventLog): Promise<bigint> {
  const model = await openReadModel({ file, project: PROJECT })
  const stopping = new AbortController()
  const running = new Projection(log, model, { project: PROJECT }).run(stopping.signal)
  expect(await model.reached(await log.head(), 10_000)).toBe(true)
  stopping.abort()
  await running
  const { position } = model
  await model.close()
  return position
}

async function opened({ log, ledger }: Awaited<ReturnType<typeof logOf>>) {
  const settings = readSettings({ DATA_DIR: directory, PROJECT })
  const model = await openReadDatabase(settings, log, ledger, new AbortController().signal)
  const { position, ledger: known } = model
  await model.close()
  return { position, logId: known?.logId }
}

test('of its own log it is kept', async () => {
  const own = await logOf('own.db', 3)
  const position = await projected(own.log)
  expect(await opened(own)).toEqual({ position, logId: own.ledger.logId })
})

test('of another log it is made again, also where that one goes further', async () => {
  await projected((await logOf('own.db', 3)).log)
  const other = await logOf('other.db', 5)
  expect(await opened(other)).toEqual({
    position: 0n,
    logId: undefined,
  })
})

test('ahead of a log that has lost its end it is made again', async () => {
  const own = await logOf('own.db', 3)
  await projected(own.log)
  const shorter = { ...own.log, head: async () => 2n } as EventLog
  expect(await opened({ ...own, log: shorter })).toEqual({
    position: 0n,
    logId: undefined,
  })
})
