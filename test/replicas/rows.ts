// The read model in PostgreSQL, row by row, and what a projection of the log into an empty database makes.
import type { EventLog } from '@assistant-ledger/event-log'
import { openReadModel, PROJECTION_VERSION, Projection } from '@assistant-ledger/read-model'
import { expect } from '@jest/globals'
import { PROJECT } from '../faults/commands.js'
import { rowsOfSchema } from '../support/postgres-rows.js'

const SCHEMA = `ledger_${PROJECT}_v${PROJECTION_VERSION}`
const REBUILD_DEADLINE_MS = 60_000

/** What is in the database is what a projection of the log into an empty one makes. */
export async function expectRebuildsEqual(log: EventLog, url: string, emptyUrl: string): Promise<void> {
  const model = await openReadModel({ url: emptyUrl, project: PROJECT })
  const stop = new AbortController()
  const running = new Projection(log, model, { project: PROJECT }).run(stop.signal)
  try {
    expect(await model.reached(await log.head(), REBUILD_DEADLINE_MS)).toBe(true)
  } finally {
    stop.abort()
    await running
    await model.close()
  }
  const [left, rebuilt] = [await rowsOfSchema(url, SCHEMA), await rowsOfSchema(emptyUrl, SCHEMA)]
  expect(Object.keys(rebuilt)).not.toEqual([])
  expect(Object.keys(left)).toEqual(Object.keys(rebuilt))
  for (const table of Object.keys(rebuilt))
    expect({ table, rows: left[table] }).toEqual({ table, rows: rebuilt[table] })
}
