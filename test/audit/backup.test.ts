// A backup of an installation that is being written to, and what it takes to be put back.
import { createHash, generateKeyPairSync } from 'node:crypto'
import { existsSync } from 'node:fs'
import { appendFile, cp, mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { connect } from '@nats-io/transport-node'
import Database from 'better-sqlite3'
import { backup, restore } from '../../libs/audit/src/index.js'
import { type EventLog, openEmbeddedLog, openLogForReading } from '../../libs/event-log/src/index.js'
import { readBucket } from '../faults/records.js'
import { until } from '../faults/until.js'
import { send } from '../http/service.js'
import { freePort } from '../observability/scrape.js'
import { startNatsServer } from '../support/nats-server.js'
import { launchRegistry, startRegistry } from '../support/registry.js'
import { change, cli, cliIn, contentOf, create, fillLog, idOf, live, scratch } from './moves.js'

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

/** The epoch, once it is another one than `before`. */
async function epochPast(port: string, before: number): Promise<number> {
  const ask = async () => (await send(`http://127.0.0.1:${port}/admin`, 'GET')).body.epoch
  return (await until('a greater epoch', 15_000, ask, (is) => is > before)).answer
}

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

/** A copy of the backup with something done to it, and the manifest made to fit. */
async function forged(alter: (copy: string) => unknown): Promise<string> {
  const copy = fresh()
  await cp(folder, copy, { recursive: true })
  await alter(copy)
  const manifest = JSON.parse(await readFile(join(copy, 'backup.json'), 'utf8'))
  for (const name of Object.keys(manifest.files))
    manifest.files[name] = createHash('sha256')
      .update(await readFile(join(copy, name)))
      .digest('hex')
  await writeFile(join(copy, 'backup.json'), JSON.stringify(manifest))
  return copy
}

function changed(copy: string, sql: string): void {
  const db = new Database(join(copy, 'log.db'))
  db.exec(sql)
  db.close()
}

test('a copy whose checksums fit is tested all the same, and until then nothing is in its place', async () => {
  const cases: readonly [string, (copy: string) => unknown, RegExp][] = [
    [
      'an event was altered',
      (copy) => changed(copy, `update events set data = replace(data, 'salt', 'sale') where position = 3`),
      /the log was altered: event \d+ of stream assistant\.default-.*: its data were altered/,
    ],
    [
      'an event is no JSON',
      (copy) => changed(copy, `update events set data = '{' where position = 3`),
      /the log was altered: event \d+ of stream .*: it is not JSON/,
    ],
    [
      'the newest events are gone',
      (copy) => changed(copy, 'delete from events where position > 20'),
      /backup\.json says events \d+, the log 20/,
    ],
    [
      'the file is damaged',
      async (copy) => {
        const file = await open(join(copy, 'log.db'), 'r+')
        await file.write(Buffer.alloc(4096, 0x5a), 0, 4096, 4096 * 20)
        await file.close()
      },
      /log\.db is no whole event log: SQLite finds/,
    ],
  ]
  for (const [name, alter, message] of cases) {
    const into = fresh()
    const { code, err } = await cli(['restore', await forged(alter), '--data-dir', into])
    expect([name, code, err]).toEqual([name, 1, expect.stringMatching(message)])
    expect(await readdir(into)).toEqual(['log.db.lock'])
  }
})

test('what an older log left beside is in the way, a restore that was broken off is not', async () => {
  for (const left of ['log.db-wal', 'log.db-shm', 'log.db-journal', 'ledger-signing-key.pem']) {
    const into = fresh()
    await mkdir(into)
    await writeFile(join(into, left), 'of another log')
    await expect(restore(folder, into)).rejects.toThrow(`has ${left} already: restore into an empty folder`)
    expect((await readdir(into)).sort()).toEqual([left, 'log.db.lock'].sort())
  }
  const all = fresh()
  await mkdir(all)
  for (const left of ['log.db', 'log.db-wal', 'ledger-signing-key.pem'])
    await writeFile(join(all, left), 'of another log')
  await expect(restore(folder, all)).rejects.toThrow(
    'has log.db, ledger-signing-key.pem, log.db-wal already: restore into an empty folder, or move them elsewhere first',
  )
  const broken = fresh()
  await mkdir(join(broken, 'restoring'), { recursive: true })
  await writeFile(join(broken, 'restoring', 'log.db'), 'the half of it')
  await cp(join(folder, 'ledger-signing-key.pem'), join(broken, 'ledger-signing-key.pem'))
  await restore(folder, broken)
  expect(await eventsIn(broken)).toEqual(await eventsIn(folder))
  expect((await readdir(broken)).sort()).toEqual(
    ['ledger-signing-key.pem', 'log.db', 'log.db.lock', 'restored.json'].sort(),
  )
})

test('where there is no room left nothing is left half done', async () => {
  const [to, into] = [fresh(), fresh()]
  const backedUp = await cliIn('ulimit -f 400; exec "$@"', ['backup', to, '--data-dir', data])
  expect([backedUp.code, backedUp.err]).toEqual([1, expect.stringMatching(/^error: .*\n$/)])
  for (const path of [to, `${to}.part`, `${to}.part.lock`]) expect(existsSync(path)).toBe(false)
  const restored = await cliIn('ulimit -f 400; exec "$@"', ['restore', folder, '--data-dir', into])
  expect([restored.code, restored.err]).toEqual([1, expect.stringMatching(/^error: EFBIG: .*\n$/)])
  expect(await readdir(into)).toEqual(['log.db.lock'])
})

test('of two backups into one folder at once one is made', async () => {
  const to = fresh()
  const both = await Promise.allSettled([backup(data, to), backup(data, to)])
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { name: 'BackupRefused', message: expect.stringMatching(/another backup writes/) },
  })
  await restore(to, fresh())
})

test('a backup goes into no folder with a log, nor one that a service runs on', async () => {
  expect((await cli(['restore', folder, '--data-dir', data])).err).toMatch(/a service runs on that folder/)
  const stopped = fresh()
  await cli(['restore', folder, '--data-dir', stopped])
  expect((await cli(['restore', folder, '--data-dir', stopped])).err).toMatch(/has log\.db already/)
})

test('a service on a backup that NATS has seen more of says so, and takes it for the truth when told', async () => {
  const nats = await startNatsServer()
  ends.push(() => nats.stop())
  const connection = await connect({ servers: nats.url })
  ends.push(() => connection.close())
  const [old, backedUp, restored] = [fresh(), fresh(), fresh()]
  await cli(['restore', folder, '--data-dir', old])
  await cli(['backup', backedUp, '--data-dir', old])
  const PORT = String(await freePort())
  const first = await startRegistry({ natsUrl: nats.url, dataDir: old, env: { PORT } })
  const before = await epochPast(PORT, 1)
  await send(`http://127.0.0.1:${PORT}/assistants/${idOf(0)}`, 'PATCH', { name: 'Lost' })
  await until(
    'the change in NATS',
    15_000,
    async () => [...(await readBucket(connection)).values()],
    (values) => values.some((value) => JSON.stringify(value).includes('"Lost"')),
  )
  await first.stop()
  await cli(['restore', backedUp, '--data-dir', restored])
  const refused = await launchRegistry({ natsUrl: nats.url, dataDir: restored, env: { PORT } })
  expect(await refused.exited()).toBe(1)
  expect(refused.said()).toMatch(
    /is of epoch 1, but NATS has seen epoch \d+ of it: it was restored from an older copy/,
  )
  const accepted = await startRegistry({
    natsUrl: nats.url,
    dataDir: restored,
    env: { PORT, ACCEPT_LOG_BEHIND: 'yes' },
  })
  const { body } = await send(`http://127.0.0.1:${PORT}/assistants/${idOf(0)}`, 'GET')
  expect(body.name).toBe('Assistant 0')
  await epochPast(PORT, before)
  await accepted.stop()
})

test('a restored log has an epoch of its own, also where NATS was lost with the old one, and each time another', async () => {
  const nats = await startNatsServer()
  ends.push(() => nats.stop())
  const PORT = String(await freePort())
  const started = () => startRegistry({ natsUrl: nats.url, dataDir: once, env: { PORT } })
  const [once, again] = [fresh(), fresh()]
  await restore(folder, once)
  const first = await started()
  // What runners hold of the time after the backup has revisions that this log will give again: their epoch is over.
  const epoch = await epochPast(PORT, 1)
  await until(
    'the mark gone',
    10_000,
    () => existsSync(join(once, 'restored.json')),
    (is) => !is,
  )
  await first.kill()
  const second = await started()
  await until(
    'the epoch',
    15_000,
    async () => (await send(`http://127.0.0.1:${PORT}/admin`, 'GET')).body.epoch,
    (is) => is === epoch,
  )
  await second.kill()
  const empty = await startNatsServer()
  ends.push(() => empty.stop())
  await restore(folder, again)
  const third = await startRegistry({ natsUrl: empty.url, dataDir: again, env: { PORT } })
  await epochPast(PORT, epoch)
  await third.stop()
})
