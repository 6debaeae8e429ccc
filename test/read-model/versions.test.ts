// Projection versions side by side, and what replicas tell each other.
import {
  openReadModel,
  PROJECTION_VERSION,
  REPLICA_LIMITS,
  type ReadModel,
} from '@assistant-ledger/read-model'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import pg from 'pg'
import { type Postgres, startPostgres } from '../support/postgres.js'

jest.setTimeout(60_000)

const PROJECT = 'default'
const CONTROL = `ledger_${PROJECT}`
const [OLDER, NEWER] = [PROJECTION_VERSION - 1, PROJECTION_VERSION + 1]

let server: Postgres
let url: string
let models: ReadModel[]
let client: pg.Client
let databases = 0
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())
beforeEach(async () => {
  url = await server.createDatabase(`versions_${++databases}`)
  client = new pg.Client({ connectionString: url })
  await client.connect()
  models = []
})
afterEach(async () => {
  for (const model of models) await model.close()
  await client.end()
})

async function open(replica: string) {
  const model = await openReadModel({ url, project: PROJECT, replica })
  models.push(model)
  const { replicas } = model
  if (!replicas) throw new Error('there is nobody to be a replica with')
  return { model, replicas }
}

/** What a replica of another version leaves in the database: its tables, and that it lives. */
async function another(version: number, serving: boolean, replica = `of-${version}`): Promise<void> {
  await client.query(`create schema ${CONTROL}_v${version}`)
  await client.query(`create table ${CONTROL}_v${version}.checkpoint (position text)`)
  if (serving) await client.query(`update ${CONTROL}.projections set serving = false`)
  await client.query(`insert into ${CONTROL}.projections values ($1, $2)`, [version, serving])
  await client.query(`insert into ${CONTROL}.replicas values ($1, $2, now())`, [replica, version])
}

const silent = (replica: string) =>
  client.query(`update ${CONTROL}.replicas set heartbeat = now() - $2 * interval '1 ms' where id = $1`, [
    replica,
    REPLICA_LIMITS.silent_ms + 1,
  ])

const schemas = async (): Promise<string[]> =>
  (await client.query(`select nspname from pg_namespace where nspname like 'ledger%' order by 1`)).rows.map(
    ({ nspname }) => nspname,
  )

describe('a projection version', () => {
  test('that is the first serves at once', async () => {
    const { replicas } = await open('one')
    expect(await replicas.beat()).toBe(PROJECTION_VERSION)
    expect(await replicas.serve()).toBe(true)
    expect(await schemas()).toEqual([CONTROL, `${CONTROL}_v${PROJECTION_VERSION}`])
  })

  test('is built beside an older one, and serves when it says so; that one goes when nobody uses it', async () => {
    const first = await open('first')
    await another(OLDER, true)
    await client.query(`delete from ${CONTROL}.projections where version = $1`, [PROJECTION_VERSION])
    await client.query(`drop schema ${CONTROL}_v${PROJECTION_VERSION} cascade`)
    const { model, replicas } = await open('second')
    expect(await replicas.beat()).toBe(OLDER)
    await model.apply([], 7n)
    expect(await replicas.beat()).toBe(OLDER)
    expect(await replicas.dropUnused()).toEqual([])

    expect(await replicas.serve()).toBe(true)
    expect(await replicas.beat()).toBe(PROJECTION_VERSION)
    expect(await replicas.dropUnused()).toEqual([])
    await silent(`of-${OLDER}`)
    expect(await replicas.dropUnused()).toEqual([OLDER])
    expect(await schemas()).toEqual([CONTROL, `${CONTROL}_v${PROJECTION_VERSION}`])
    await first.model.refresh()
    expect(first.model.position).toBe(7n)
  })

  test('does not take over from a newer one that is in use, but from one that is not', async () => {
    const { replicas } = await open('one')
    await another(NEWER, true)
    expect(await replicas.serve()).toBe(false)
    expect(await replicas.beat()).toBe(NEWER)
    await silent(`of-${NEWER}`)
    expect(await replicas.serve()).toBe(true)
    expect(await replicas.beat()).toBe(PROJECTION_VERSION)
    expect(await replicas.dropUnused()).toEqual([NEWER])
  })

  test('whose tables were dropped is unavailable to whoever still reads it', async () => {
    const { model } = await open('one')
    await client.query(`drop schema ${CONTROL}_v${PROJECTION_VERSION} cascade`)
    await expect(model.refresh()).rejects.toMatchObject({ name: 'ReadModelUnavailable' })
    await expect(model.count({})).rejects.toMatchObject({ name: 'ReadModelUnavailable' })
  })
})

describe('replicas', () => {
  test('know each other while they are heard of', async () => {
    const [one, two] = [await open('one'), await open('two')]
    const version = PROJECTION_VERSION
    const both = [
      { id: 'one', version },
      { id: 'two', version },
    ]
    expect(one.replicas.self).toEqual(both[0])
    expect(await one.replicas.live()).toEqual(both)
    await silent('one')
    expect(await two.replicas.live()).toEqual([both[1]])
    await one.replicas.beat()
    expect(await two.replicas.live()).toEqual(both)
    await one.model.close()
    expect(await two.replicas.live()).toEqual([both[1]])
  })

  test('note what they cannot read, until they can or are gone', async () => {
    const [one, two] = [await open('one'), await open('two')]
    await one.replicas.noteUnreadable('assistant.default-a', 3n, 'its schema is 99')
    await one.replicas.noteUnreadable('assistant.default-a', 3n, 'its schema is 99')
    await one.replicas.noteUnreadable('assistant.default-b', 0n, 'its type is unknown')
    await two.replicas.noteUnreadable('assistant.default-a', 3n, 'its schema is 99')
    const [a, b] = [
      { stream: 'assistant.default-a', revision: 3n, reason: 'its schema is 99' },
      { stream: 'assistant.default-b', revision: 0n, reason: 'its type is unknown' },
    ]
    expect(await two.replicas.unreadable()).toEqual([
      { replica: 'one', ...a },
      { replica: 'two', ...a },
      { replica: 'one', ...b },
    ])
    await one.replicas.clearUnreadable('assistant.default-b')
    expect(await two.replicas.unreadable()).toEqual([
      { replica: 'one', ...a },
      { replica: 'two', ...a },
    ])
    await silent('two')
    expect(await one.replicas.unreadable()).toEqual([{ replica: 'one', ...a }])
    await one.replicas.clearUnreadable()
    expect(await one.replicas.unreadable()).toEqual([])
  })
})
