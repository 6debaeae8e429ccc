// A backup of an installation that is being written to, and what it takes to be put back.
import { generateKeyPairSync } from 'node:crypto'
import { appendFile, cp, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import Database from 'better-sqlite3'
import { type EventLog, openEmbeddedLog, openLogForReading } from '../../libs/event-log/src/index.js'
import { send } from '../http/service.js'
import { freePort } from '../observability/scrape.js'
import { startNatsServer } from '../support/nats-server.js'
import { launchRegistry, startRegistry } from '../support/registry.js'
import { change, cli, contentOf, create, fillLog, idOf, live, scratch } from './moves.js'

jest.setTimeout(120_000)

const KEY = String(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }))

const ends: (() => Promise<unknown>)[] = []
let dir: string
let data: string
let log: EventLog
let folder: string

beforeAll(async () => {
  dir = await scratch(ends)
  data = join(dir, 'data')
  folder = join(dir, 'monday')
  await mkdir(data)
  log = await openEmbeddedLog({ file: join(data, 'log.db') })
  ends.push(() => log.close())
  await fillLog(log, 300)
  await writeFile(join(data, 'ledger-signing-key.pem'), KEY, { mode: 0o600 })
})
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

let dirs = 0
const fresh = () => join(dir, `restored-${++dirs}`)

async function eventsIn(dataDir: string) {
  const stored = await openLogForReading({ dataDir })
  try {
    return await contentOf(stored)
  } finally {
    await stored.close()
  }
}

test('a backup is of one moment, whatever is written meanwhile, and is put back as it was', async () => {
  let writing = true
  const writer = (async () => {
    for (let n = 1000; writing; n++) await live(log, n, [create(n), change(1)])
  })()
  const { code, out, err } = await cli(['backup', folder, '--data-dir', data])
  writing = false
  await writer
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(/monday: \d+ events of project default, up to position \d+ of epoch 1/)
  const restored = fresh()
  const put = await cli(['restore', folder, '--data-dir', restored])
  expect(put.code).toBe(0)
  const [before, after] = [await eventsIn(restored), await eventsIn(data)]
  expect(before.length).toBeGreaterThan(300)
  expect(after.length).toBeGreaterThanOrEqual(before.length)
  expect(after.slice(0, before.length)).toEqual(before)
  expect(await readFile(join(restored, 'ledger-signing-key.pem'), 'utf8')).toBe(KEY)
  expect((await stat(join(restored, 'ledger-signing-key.pem'))).mode & 0o077).toBe(0)
  expect((await cli(['backup', folder, '--data-dir', data])).err).toMatch(/is there already/)
})

test('a backup that was altered is not put in place', async () => {
  const cases: readonly [string, (copy: string) => Promise<unknown>, RegExp][] = [
    [
      'a byte more',
      (copy) => appendFile(join(copy, 'log.db'), 'x'),
      /log\.db is not what was backed up: its checksum/,
    ],
    ['another key', (copy) => writeFile(join(copy, 'ledger-signing-key.pem'), 'no'), /its checksum differs/],
    ['no manifest', (copy) => writeFile(join(copy, 'backup.json'), '{'), /is no backup: its backup\.json/],
    [
      'a manifest of something else',
      (copy) => writeFile(join(copy, 'backup.json'), '{"format":1,"files":{"../x":"0"}}'),
      /names other files than one has/,
    ],
  ]
  for (const [name, alter, message] of cases) {
    const [copy, into] = [fresh(), fresh()]
    await cp(folder, copy, { recursive: true })
    await alter(copy)
    const { code, err } = await cli(['restore', copy, '--data-dir', into])
    expect([name, code]).toEqual([name, 1])
    expect(err).toMatch(message)
    await expect(stat(join(into, 'log.db'))).rejects.toThrow()
  }
})

test('a log that was altered is not backed up', async () => {
  const copy = fresh()
  await mkdir(copy)
  await cp(join(folder, 'log.db'), join(copy, 'log.db'))
  const db = new Database(join(copy, 'log.db'))
  db.exec(
    `update events set data = replace(data, 'Prompt 1', 'Prompt 7')
     where position = (select min(position) from events where data like '%Prompt 1%')`,
  )
  db.close()
  const { code, err } = await cli(['backup', fresh(), '--data-dir', copy])
  expect(code).toBe(1)
  expect(err).toMatch(/the log was altered: event \d+ of stream assistant\.default-.*: its data were altered/)
})

test('a backup goes into no folder with a log, nor one that a service runs on', async () => {
  expect((await cli(['restore', folder, '--data-dir', data])).err).toMatch(/a service runs on that folder/)
  const stopped = fresh()
  await cli(['restore', folder, '--data-dir', stopped])
  expect((await cli(['restore', folder, '--data-dir', stopped])).err).toMatch(/has a log\.db already/)
})

test('a service on a backup that NATS has seen more of says so, and takes it for the truth when told', async () => {
  const nats = await startNatsServer()
  ends.push(() => nats.stop())
  const [old, backedUp, restored] = [fresh(), fresh(), fresh()]
  await cli(['restore', folder, '--data-dir', old])
  await cli(['backup', backedUp, '--data-dir', old])
  const PORT = String(await freePort())
  const first = await startRegistry({ natsUrl: nats.url, dataDir: old, env: { PORT } })
  await send(`http://127.0.0.1:${PORT}/assistants/${idOf(0)}`, 'PATCH', { name: 'Lost', wait: 'converged' })
  await first.stop()
  await cli(['restore', backedUp, '--data-dir', restored])
  const refused = await launchRegistry({ natsUrl: nats.url, dataDir: restored, env: { PORT } })
  expect(await refused.exited()).toBe(1)
  expect(refused.said()).toMatch(/but NATS has seen .* it was restored from an older copy/)
  const accepted = await startRegistry({
    natsUrl: nats.url,
    dataDir: restored,
    env: { PORT, ACCEPT_LOG_BEHIND: 'yes' },
  })
  const { body } = await send(`http://127.0.0.1:${PORT}/assistants/${idOf(0)}`, 'GET')
  expect(body.name).toBe('Assistant 0')
  await accepted.stop()
})
