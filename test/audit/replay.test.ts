// The read model made again while the service runs: beside the one that serves, and live only when all of it is there.
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import Database from 'better-sqlite3'
import { eventStream } from '../../libs/change-feed/src/index.js'
import { openEmbeddedLog } from '../../libs/event-log/src/index.js'
import { openReadModel } from '../../libs/read-model/src/index.js'
import { until } from '../faults/until.js'
import { send } from '../http/service.js'
import { freePort } from '../observability/scrape.js'
import { growOut } from '../replicas/grown.js'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'
import { type RegistryProcess, startRegistry } from '../support/registry.js'
import { cli, fillLog, idOf, PROJECT, scratch, startCli } from './moves.js'

jest.setTimeout(120_000)

const ASSISTANTS = 1_500
const ends: (() => Promise<unknown>)[] = []
let dataDir: string
let nats: NatsServer
let registry: RegistryProcess
let url: string

beforeAll(async () => {
  dataDir = join(await scratch(ends), 'data')
  await mkdir(dataDir)
  const log = await openEmbeddedLog({ file: join(dataDir, 'log.db') })
  await fillLog(log, ASSISTANTS)
  await log.close()
  nats = await startNatsServer()
  ends.push(() => nats.stop())
  await start()
})
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

async function start(): Promise<void> {
  const port = String(await freePort())
  url = `http://127.0.0.1:${port}`
  registry = await startRegistry({ natsUrl: nats.url, dataDir, env: { PORT: port } })
  ends.push(() => registry.stop())
}

const nameOf = async (n: number) => (await send(`${url}/assistants/${idOf(n)}`, 'GET')).body.name
const version1 = async (n: number) =>
  (await send(`${url}/assistants/${idOf(n)}/versions`, 'POST', {})).body.at(-1)?.name
const replay = (...args: string[]) => ['replay', '--to', 'read-model', '--url', url, '--json', ...args]
const linesIn = (out: string) =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

/** Changes rows behind the service's back. */
function damage(sql: string): void {
  const db = new Database(join(dataDir, 'read-model.db'), { timeout: 5_000 })
  db.exec(sql)
  db.close()
}

const DAMAGE = `update versions set content = replace(content, 'Assistant 0', 'Nobody')
  where assistant_no = 1 and version = 1`

/** All rows that say something, in a fixed order. */
async function rowsOf(file: string): Promise<unknown> {
  const db = new Database(file, { readonly: true })
  try {
    const tables = db.prepare<[], { name: string }>(
      `select name from sqlite_master where type = 'table' order by name`,
    )
    return tables
      .all()
      .map(({ name }) => [
        name,
        db
          .prepare(`select * from "${name}"`)
          .all()
          .map((row) => JSON.stringify(row))
          .sort(),
      ])
      .filter(([name]) => name !== 'checkpoint')
  } finally {
    db.close()
  }
}

describe('a file', () => {
  test('is made again beside the one that serves, and is equal to one that followed the log', async () => {
    damage(DAMAGE)
    expect(await version1(0)).toBe('Nobody')
    const dry = linesIn((await cli(replay('--dry-run'))).out)
    expect(dry).toEqual([{ step: 'plan', live: expect.any(String), head: expect.any(String), begun: '0' }])
    expect(await version1(0)).toBe('Nobody')

    const replaying = startCli(replay())
    // What is changed meanwhile is there, too.
    for (let n = 0; n < 5; n++) await send(`${url}/assistants/${idOf(0)}`, 'PATCH', { name: `Renamed ${n}` })
    const { code, out } = await replaying.ended
    expect(code).toBe(0)
    expect(linesIn(out).at(-1)).toEqual({ step: 'switched', position: expect.any(String) })
    expect(await version1(0)).toBe('Assistant 0')
    expect(await nameOf(0)).toBe('Renamed 4')
    await send(`${url}/assistants/${idOf(0)}`, 'PATCH', { name: 'After it' })
    const search = await send(`${url}/assistants/search`, 'POST', { name: 'after it' })
    expect(search.body.map((one: { name: string }) => one.name)).toEqual(['After it'])
    expect(existsSync(join(dataDir, 'read-model.db.rebuilt'))).toBe(false)

    await registry.stop()
    const live = await rowsOf(join(dataDir, 'read-model.db'))
    const { code: offline } = await cli(['replay', '--to', 'read-model', '--offline', '--data-dir', dataDir])
    expect(offline).toBe(0)
    expect(await rowsOf(join(dataDir, 'read-model.db'))).toEqual(live)
    await start()
  })

  test('is as it was when that is broken off, and goes on from there', async () => {
    damage(DAMAGE)
    const replaying = startCli(replay())
    await rebuilding()
    replaying.child.kill('SIGINT')
    const { code, err } = await replaying.ended
    expect(code).toBe(130)
    expect(err).toContain('the read model that serves is as it was; run it again to go on')
    expect(await version1(0)).toBe('Nobody')
    const second = await cli(replay())
    expect(second.err).toBe('')
    const again = linesIn(second.out)
    expect(again[0].step).toBe('plan')
    expect(again.at(-1).step).toBe('switched')
    expect(await version1(0)).toBe('Assistant 0')
  })

  test('is as it was when the service is killed in the middle, and again all right after it', async () => {
    const replaying = startCli(replay())
    await rebuilding()
    await registry.kill()
    const { code, err } = await replaying.ended
    expect(code).toBe(1)
    expect(err).toMatch(/broke|nothing listens/)
    await start()
    expect(await version1(0)).toBe('Assistant 0')
    expect((await cli(replay())).code).toBe(0)
    expect(await version1(0)).toBe('Assistant 0')
  })

  test('and the feed is whole again when the service was killed while that was made again', async () => {
    const feed = (...more: string[]) => ['replay', '--to', 'feed', '--url', url, '--json', ...more]
    const eventsOf = async () => linesIn((await cli(feed())).out).at(-1).events
    const { equal: all, appended } = await eventsOf()
    expect(appended).toBe(0)
    const connection = await connect({ servers: nats.url })
    const jsm = await jetstreamManager(connection)
    const messages = async () => (await jsm.streams.info(eventStream(PROJECT))).state.messages
    const replaying = startCli(feed('--recreate'))
    await until('a feed that is half there', 20_000, messages, (count) => count > 0 && count < all)
    await registry.kill()
    expect((await replaying.ended).code).toBe(1)
    expect(await messages()).toBeLessThan(all)
    await start()
    const { equal, appended: more, differs } = await eventsOf()
    expect([equal + more, differs]).toEqual([all, undefined])
    expect(await eventsOf()).toEqual({ equal: all, appended: 0 })
    await connection.close()
  })

  test('is left alone offline while the service runs', async () => {
    const { code, err } = await cli(['replay', '--to', 'read-model', '--offline', '--data-dir', dataDir])
    expect(code).toBe(1)
    expect(err).toContain('the service runs on these files')
  })
})

/** Waits until it is under way: its file is there, and goes when it is done. */
const rebuilding = () =>
  until(
    'a replay under way',
    20_000,
    async () => existsSync(join(dataDir, 'read-model.db.rebuilt')),
    (is) => is,
  )

test('in PostgreSQL a schema is made again beside the one that serves, for all replicas', async () => {
  const grown = await growOut()
  ends.push(() => grown.end())
  const log = await grown.openLog()
  await fillLog(log, 40)
  await log.close()
  const ports = [String(await freePort()), String(await freePort())]
  for (const PORT of ports) await grown.startReplica({ PORT })
  const urls = ports.map((port) => `http://127.0.0.1:${port}`)
  const first = async (base: string) =>
    (await send(`${base}/assistants/${idOf(0)}/versions`, 'POST', {})).body.at(-1)?.name
  const model = await openReadModel({ url: grown.postgres.url, project: PROJECT })
  const { PROJECTION_VERSION } = await import('../../libs/read-model/src/index.js')
  const schema = `ledger_${PROJECT}_v${PROJECTION_VERSION}`
  await grown.query(`update ${schema}.versions set content = replace(content, 'Assistant 0', 'Nobody')`)
  for (const base of urls) expect(await first(base)).toBe('Nobody')
  // The newest row is gone: whoever counts on from it would give its number away twice.
  await grown.query(`delete from ${schema}.assistants where assistant_no > 30`)
  for (const base of [urls[1], urls[0]]) {
    const { code, out } = await cli(['replay', '--to', 'read-model', '--url', base as string, '--json'])
    expect({ code, last: linesIn(out).at(-1)?.step }).toEqual({ code: 0, last: 'switched' })
    for (const other of urls) expect(await first(other)).toBe('Assistant 0')
    const made = await send(`${urls[0]}/assistants`, 'POST', { graph_id: 'writer', name: 'Later' })
    expect(made.headers.get('ledger-pending')).toBe(null)
    const found = await send(`${urls[1]}/assistants/search`, 'POST', { name: 'later' })
    expect(found.body.length).toBeGreaterThan(0)
  }
  const offline = ['--offline', '--eventstore-url', grown.store.url, '--database-url', grown.postgres.url]
  await grown.query(`update ${schema}.versions set content = replace(content, 'Assistant 0', 'Nobody')`)
  const replayed = await cli(['replay', '--to', 'read-model', '--project', PROJECT, '--json', ...offline])
  expect([replayed.code, linesIn(replayed.out).at(-1)?.step]).toEqual([0, 'switched'])
  for (const base of urls) expect(await first(base)).toBe('Assistant 0')

  // The feed is repaired by the one that publishes; the other one says which that is.
  const fed = await Promise.all(urls.map((base) => cli(['replay', '--to', 'feed', '--url', base])))
  expect(fed.map(({ code }) => code).sort()).toEqual([0, 1])
  const leader = await grown.leader('publication')
  expect(fed.find(({ code }) => code === 1)?.err).toContain(`${leader?.pid}@${hostname()}`)

  const schemas = await grown.query<{ nspname: string }>(
    `select nspname from pg_namespace where nspname like 'ledger%' order by 1`,
  )
  expect(schemas.map(({ nspname }) => nspname)).toEqual([`ledger_${PROJECT}`, schema])
  await model.close()
})
