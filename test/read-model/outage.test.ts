// PostgreSQL goes away and comes back: every call ends in time, and everything goes on by itself.
import type { RecordedEvent } from '@assistant-ledger/event-log'
import {
  openReadModel,
  PROJECTION_VERSION,
  Projection,
  type ReadModel,
  ReadModelUnavailable,
} from '@assistant-ledger/read-model'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import pg from 'pg'
import { openParts, type Parts, PROJECT } from '../registry/parts.js'
import { type Postgres, startPostgres } from '../support/postgres.js'
import { rowsOfSchema } from '../support/postgres-rows.js'

jest.setTimeout(60_000)

const SCHEMA = `ledger_${PROJECT}_v${PROJECTION_VERSION}`
const PAGE = { limit: 10, offset: 0, sort_by: 'created_at', sort_order: 'desc' } as const
/** What a call may take when nobody answers, and what a loaded machine adds. */
const BOUND_MS = 2_000 + 1_500

let server: Postgres
let url: string
let databases = 0
let parts: Parts
let model: ReadModel
let id: string
let events: RecordedEvent[]
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())
beforeEach(async () => {
  url = await server.createDatabase(`outage_${++databases}`)
  parts = await openParts()
  parts.project()
  model = await openReadModel({ url, project: PROJECT })
  const commands = parts.commands()
  id = (await commands.create({ name: 'one' })).id
  for (const name of ['two', 'three']) await commands.update(id, { name })
  events = []
  for await (const event of parts.log.readAll()) events.push(event)
})
afterEach(async () => {
  await model.close()
  await parts.close()
})

const end = (some: readonly RecordedEvent[]) => some.at(-1)?.position ?? 0n

async function unavailable(call: () => Promise<unknown>): Promise<void> {
  const began = performance.now()
  await expect(call()).rejects.toBeInstanceOf(ReadModelUnavailable)
  expect(performance.now() - began).toBeLessThan(BOUND_MS)
}

/** Asks until it is answered: a database that comes back is there for whoever asks again. */
async function answered<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      expect(error).toBeInstanceOf(ReadModelUnavailable)
    }
  }
}

describe('a server that is killed', () => {
  test('is missed at once, and used again when it is back', async () => {
    const some = events.slice(0, 3)
    await model.apply(some, end(some))
    expect(model.available).toBe(true)
    await server.kill()
    await unavailable(() => model.assistant(id, 'live'))
    await unavailable(() => model.search(PAGE))
    await unavailable(() => model.apply(events.slice(3), end(events)))
    await unavailable(() => model.refresh())
    await unavailable(() => openReadModel({ url, project: PROJECT }))
    expect(model.available).toBe(false)
    expect(await model.reached(end(events), 100)).toBe(false)

    await server.restart()
    const other = await openReadModel({ url, project: PROJECT })
    const stop = new AbortController()
    // From where the database stands: what it lost in the crash is projected again.
    const projecting = answered(() => new Projection(parts.log, other, { project: PROJECT }).run(stop.signal))
    expect(await model.reached(end(events), 20_000)).toBe(true)
    expect(model.available).toBe(true)
    expect((await answered(() => model.assistant(id, 'live')))?.assistant.name).toBe('three')
    stop.abort()
    await projecting
    await other.close()
    const straight = await server.createDatabase('straight')
    const rebuilt = await openReadModel({ url: straight, project: PROJECT })
    await rebuilt.apply(events, end(events))
    await rebuilt.close()
    expect(await rowsOfSchema(url, SCHEMA)).toEqual(await rowsOfSchema(straight, SCHEMA))
  })

  test('takes a projection with it, which goes on when it is run again', async () => {
    const stop = new AbortController()
    const run = () => new Projection(parts.log, model, { project: PROJECT }).run(stop.signal)
    const running = run()
    expect(await model.reached(end(events), 10_000)).toBe(true)
    await server.kill()
    await parts.commands().update(id, { name: 'four' })
    await expect(running).rejects.toBeInstanceOf(ReadModelUnavailable)
    await server.restart()
    const again = answered(run)
    expect(await model.reached(await parts.log.head(), 20_000)).toBe(true)
    expect((await answered(() => model.assistant(id, 'live')))?.assistant.name).toBe('four')
    stop.abort()
    await again
  })
})

test('a server that hangs makes an error of each call, also of many at once, and is used again when it goes on', async () => {
  await model.apply(events, end(events))
  await server.freeze()
  try {
    await unavailable(() => model.assistant(id, 'live'))
    const began = performance.now()
    const many = await Promise.allSettled(Array.from({ length: 50 }, () => model.search(PAGE)))
    expect(new Set(many.map(({ status }) => status))).toEqual(new Set(['rejected']))
    expect(performance.now() - began).toBeLessThan(2 * BOUND_MS)
    await unavailable(() => openReadModel({ url, project: PROJECT }))
  } finally {
    await server.thaw()
  }
  expect((await answered(() => model.assistant(id, 'live')))?.assistant.name).toBe('three')
  expect(await model.reached(end(events), 10_000)).toBe(true)
})

test('a model is closed in time also where the server hangs', async () => {
  const other = await openReadModel({ url, project: PROJECT })
  await other.apply(events, end(events))
  await other.search(PAGE)
  await server.freeze()
  try {
    const began = performance.now()
    await other.close()
    expect(performance.now() - began).toBeLessThan(2 * BOUND_MS)
  } finally {
    await server.thaw()
  }
})

test('a server that ends its connections costs an error of what was under way at most', async () => {
  await model.apply(events, end(events))
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
  )
  await client.end()
  expect((await answered(() => model.assistant(id, 'live')))?.assistant.name).toBe('three')
  await answered(() => model.apply([], end(events) + 1n))
  expect(model.position).toBe(end(events) + 1n)
})

describe('the start says what is missing', () => {
  test.each([
    ['a database', 'nowhere', /database "nowhere" does not exist/],
    ['an encoding for all texts', 'narrow', /encoding is SQL_ASCII/],
  ])('%s', async (_, name, why) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query('drop database if exists narrow')
    await client.query(
      `create database narrow encoding 'SQL_ASCII' locale 'C' locale_provider libc template template0`,
    )
    await client.end()
    const missing = server.url.replace('/postgres', `/${name}`)
    const failed = await openReadModel({ url: missing, project: PROJECT }).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(ReadModelUnavailable)
    expect((failed as Error).message).toMatch(why)
  })

  test('a project whose schemas could be another one’s', async () => {
    await expect(openReadModel({ url, project: 'shop_v4' })).rejects.toThrow(/cannot end in _v/)
  })
})
