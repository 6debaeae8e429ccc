// The read model in PostgreSQL, row by row, and what a projection of the log into an empty database makes.
import { type EventLog } from '@assistant-ledger/event-log'
import { openReadModel, PROJECTION_VERSION, Projection } from '@assistant-ledger/read-model'
import { expect } from '@jest/globals'
import pg from 'pg'
import { PROJECT } from '../faults/commands.js'

const SCHEMA = `ledger_${PROJECT}_v${PROJECTION_VERSION}`
const REBUILD_DEADLINE_MS = 60_000

/** Every row of every table of the serving version, as text, in an order that depends on the rows alone. */
async function rowsOf(url: string): Promise<Record<string, string[]>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      'select table_name as name from information_schema.tables where table_schema = $1 order by 1',
      [SCHEMA],
    )
    const all: Record<string, string[]> = {}
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(
        `select t::text as row from "${SCHEMA}"."${name}" t`,
      )
      all[name] = rows.map(({ row }) => row).sort()
    }
    return all
  } finally {
    await client.end()
  }
}

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
  const [left, rebuilt] = [await rowsOf(url), await rowsOf(emptyUrl)]
  expect(Object.keys(rebuilt)).not.toEqual([])
  expect(Object.keys(left)).toEqual(Object.keys(rebuilt))
  for (const table of Object.keys(rebuilt))
    expect({ table, rows: left[table] }).toEqual({ table, rows: rebuilt[table] })
}
