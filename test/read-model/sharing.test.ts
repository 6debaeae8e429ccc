// One PostgreSQL under several read models: who projects, who follows, and who comes too late.
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { assistantStream } from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import {
  CheckpointMoved,
  openReadModel,
  PROJECTION_VERSION,
  type ReadModel,
} from '@assistant-ledger/read-model'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import pg from 'pg'
import { openParts, type Parts, PROJECT } from '../registry/parts.js'
import { type Postgres, startPostgres } from '../support/postgres.js'
import { rowsOfSchema } from '../support/postgres-rows.js'

jest.setTimeout(60_000)

/** A few times in a row: whoever hears nothing looks only every 2 s. */
const SOONER_THAN_LOOKED_MS = 3_000

const SCHEMA = `ledger_${PROJECT}_v${PROJECTION_VERSION}`

let server: Postgres
let parts: Parts
let url: string
let models: ReadModel[]
let databases = 0
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())
beforeEach(async () => {
  url = await server.createDatabase(`sharing_${++databases}`)
  models = []
  parts = await openParts()
  parts.project()
})
afterEach(async () => {
  for (const model of models) await model.close()
  await parts.close()
})

async function open(replica?: string): Promise<ReadModel> {
  const model = await openReadModel({ url, project: PROJECT, ...(replica ? { replica } : {}) })
  models.push(model)
  return model
}

async function sql(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text, values)).rows
  } finally {
    await client.end()
  }
}

/** The events of a few assistants, each changed a few times. */
async function recorded(assistants = 3, changes = 5): Promise<RecordedEvent[]> {
  const commands = parts.commands()
  for (let n = 0; n < assistants; n++) {
    const { id } = await commands.create({ name: `assistant ${n}` })
    for (let change = 0; change < changes; change++) await commands.update(id, { metadata: { change } })
    await commands.rollback(id)
  }
  const events: RecordedEvent[] = []
  for await (const event of parts.log.readAll()) events.push(event)
  return events
}

const end = (events: readonly RecordedEvent[]) => events.at(-1)?.position ?? 0n

async function projectedStraight(events: readonly RecordedEvent[]) {
  const straight = await server.createDatabase(`straight_${databases}`)
  const model = await openReadModel({ url: straight, project: PROJECT })
  await model.apply(events, end(events))
  await model.close()
  return rowsOfSchema(straight, SCHEMA)
}

test('replicas that start together make the tables once', async () => {
  const opened = await Promise.all(Array.from({ length: 6 }, () => open()))
  expect(opened.map(({ position }) => position)).toEqual(Array(6).fill(0n))
  expect(await sql(`select version, serving from ledger_${PROJECT}.projections`)).toEqual([
    { version: PROJECTION_VERSION, serving: true },
  ])
  expect(await opened[0]?.replicas?.live()).toHaveLength(6)
})

test('two projections at once double no row and leave none out', async () => {
  const events = await recorded()
  const racers = [await open(), await open()]
  const lost = [0, 0]
  const race = async (model: ReadModel, racer: number) => {
    while (model.position < end(events)) {
      const batch = events.filter(({ position }) => position > model.position).slice(0, 3)
      try {
        await model.apply(batch, end(batch))
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointMoved)
        lost[racer] = (lost[racer] ?? 0) + 1
        await model.refresh()
      }
    }
  }
  // From the same checkpoint: one of them has to lose.
  const [first] = [events.slice(0, 3)]
  const begun = await Promise.allSettled(racers.map((model) => model.apply(first, end(first))))
  expect(begun.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  await Promise.all(racers.map((model) => model.refresh()))
  await Promise.all(racers.map(race))
  expect(await rowsOfSchema(url, SCHEMA)).toEqual(await projectedStraight(events))
})

test('a replica that does not project follows: what waits is woken, and quarantined streams are known', async () => {
  const events = await recorded(1)
  const [leading, following] = [await open(), await open()]
  const heard: bigint[] = []
  following.onAdvance((position) => heard.push(position))
  const some = events.slice(0, 6)
  const began = performance.now()
  for (const event of some) {
    const reached = following.reached(event.position, 10_000)
    await leading.apply([event], event.position)
    expect(await reached).toBe(true)
  }
  expect(performance.now() - began).toBeLessThan(SOONER_THAN_LOOKED_MS)
  expect(heard).toEqual(some.map(({ position }) => position))
  expect(following.ledger).toEqual(leading.ledger)

  const last = events.at(-1) as RecordedEvent
  const next = { revision: last.revision + 1n, position: last.position + 1n, id: 'newer' }
  const newer = { ...last, ...next, metadata: { ...(last.metadata as object), schema: 99 } }
  const all = following.reached(newer.position, 10_000)
  await leading.apply([...events.slice(6), newer], newer.position)
  expect(await all).toBe(true)
  expect(following.quarantined).toEqual(leading.quarantined)
  const id = last.stream.slice(assistantStream(PROJECT, '').length)
  await expect(following.assistant(id, 'live')).rejects.toMatchObject({ name: 'StreamUnreadable' })
  await expect(following.loadState(id)).rejects.toMatchObject({ name: 'StreamUnreadable' })

  // It takes the lead, and numbers what is new as the one before it would have.
  const more = await recorded(2, 1)
  const later = more.filter(({ position }) => position > end(events))
  const shifted = later.map((event) => ({ ...event, position: event.position + 1n }))
  await following.apply(shifted, end(shifted))
  expect(await leading.reached(end(shifted), 10_000)).toBe(true)
  expect((await leading.search({ limit: 10, offset: 0, sort_by: 'name', sort_order: 'asc' })).total).toBe(2)
})

test('a look that comes too late does not take back what was applied since', async () => {
  const model = await open()
  for (let position = 1n; position <= 300n; position++) {
    const looks = Array.from({ length: 8 }, () => model.refresh())
    await model.apply([], position)
    await Promise.all(looks)
    expect(model.position).toBe(position)
  }
})

test('who waits is woken by a word of the database, not by the next look', async () => {
  const events = await recorded(1)
  const [leading, following] = [await open(), await open()]
  const began = performance.now()
  for (const event of events.slice(0, 6)) {
    const reached = following.reached(event.position, 10_000)
    await leading.apply([event], event.position)
    expect(await reached).toBe(true)
  }
  // Looks alone would have taken two seconds each.
  expect(performance.now() - began).toBeLessThan(6_000)
})

test('what was told while nobody listened is made up for', async () => {
  const events = await recorded(1)
  const [leading, following] = [await open(), await open()]
  const cut = `select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name like '%listening'`
  const began = performance.now()
  for (const some of [events.slice(0, 3), events.slice(3, 6), events.slice(6)]) {
    expect(await sql(cut)).toHaveLength(2)
    await leading.apply(some, end(some))
    expect(await following.reached(end(some), 10_000)).toBe(true)
  }
  expect(performance.now() - began).toBeLessThan(SOONER_THAN_LOOKED_MS)
  expect(await rowsOfSchema(url, SCHEMA)).toEqual(await projectedStraight(events))
})

describe('a process that is frozen in the middle of a batch', () => {
  let child: ChildProcess
  afterEach(() => void child.kill('SIGKILL'))

  test('does not keep the checkpoint from another one, and finds out when it comes back', async () => {
    const events = await recorded(1)
    const model = await open()
    const program = join(process.cwd(), 'test', 'read-model', 'frozen-child.mjs')
    child = spawn(process.execPath, [program, url, PROJECT], { stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdin?.end(JSON.stringify(events, (_, value) => (typeof value === 'bigint' ? `${value}` : value)))
    const lines = createInterface({ input: child.stdout as Readable })[Symbol.asyncIterator]()
    expect((await lines.next()).value).toBe('frozen')
    const began = performance.now()
    await model.apply(events, end(events))
    expect(performance.now() - began).toBeLessThan(8_000)
    child.kill('SIGCONT')
    expect((await lines.next()).value).toBe('ReadModelUnavailable, then at the end')
    expect(await rowsOfSchema(url, SCHEMA)).toEqual(await projectedStraight(events))
  })
})
