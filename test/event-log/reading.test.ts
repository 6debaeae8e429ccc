// A log that is only read: the embedded file while another writes to it and when nobody does, and EventStoreDB.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import {
  EMBEDDED_LIMITS,
  type EventLog,
  type EventText,
  type LogForReading,
  NoLog,
  openEmbeddedLog,
  openEventStoreLog,
  openLogForReading,
} from '../../libs/event-log/src/index.js'
import { startStandIn } from '../support/event-store/start.js'
import { collect, event, fill, numbered, numberOf, range } from './events.js'

jest.setTimeout(60_000)

const PROJECT = 'reading'
const STREAM = `assistant.${PROJECT}-1`

let directory: string
let dirs = 0
async function freshDir(): Promise<string> {
  const dir = join(directory, String(++dirs))
  await mkdir(dir)
  return dir
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'log-for-reading-'))
})
afterAll(() => rm(directory, { recursive: true }))

const begin = (log: EventLog, project = PROJECT) => log.append(`ledger.${project}`, 'no_stream', [event()])

const flat = async (pages: AsyncIterable<readonly EventText[]>): Promise<EventText[]> =>
  (await collect(pages)).flat()

/** What any log that is read must do. */
async function checkReading(log: EventLog, reading: LogForReading): Promise<void> {
  expect(reading.project).toBe(PROJECT)
  await fill(log, STREAM, 600, 100)
  const pages = await collect(reading.pages({ wanted: (stream) => stream === STREAM }))
  expect(pages.length).toBeGreaterThan(1)
  expect(Math.max(...pages.map(({ length }) => length))).toBeLessThanOrEqual(EMBEDDED_LIMITS.pageEvents)
  const events = pages.flat()
  expect(events.map(({ data }) => numberOf({ data: JSON.parse(data) }))).toEqual(range(0, 600))
  expect(events.map(({ revision }) => Number(revision))).toEqual(range(0, 600))
  expect(JSON.parse(events[0]?.metadata as string)).toEqual({ note: 'a test' })

  const positions = events.map(({ position }) => position)
  const some = await flat(
    reading.pages({
      after: positions[9] as bigint,
      through: positions[19] as bigint,
      wanted: (s) => s === STREAM,
    }),
  )
  expect(some.map(({ position }) => position)).toEqual(positions.slice(10, 20))
  expect(await reading.head()).toBe(positions.at(-1))

  const read = await collect(reading.readAll({ prefixes: ['assistant.'], limit: 300 }))
  expect(read.map(numberOf)).toEqual(range(0, 300))
  const last = await collect(reading.readStream(STREAM, { direction: 'backward', limit: 2 }))
  expect(last.map(numberOf)).toEqual([599, 598])
}

describe('the embedded file', () => {
  test('is read while another writes to it, which nobody is kept from', async () => {
    const dataDir = await freshDir()
    const log = await openEmbeddedLog({ file: join(dataDir, 'log.db') })
    await begin(log)
    const reading = await openLogForReading({ dataDir })
    await checkReading(log, reading)
    await log.close()
    // The lock is free, whoever reads.
    const again = await openEmbeddedLog({ file: join(dataDir, 'log.db') })
    await again.append(STREAM, 599n, numbered(1, 600))
    expect((await collect(reading.readStream(STREAM, { from: 600n }))).map(numberOf)).toEqual([600])
    await again.close()
    await reading.close()
  })

  test('is read when nobody has it open, and stays as it is', async () => {
    const dataDir = await freshDir()
    const file = join(dataDir, 'log.db')
    const log = await openEmbeddedLog({ file })
    await begin(log)
    await fill(log, STREAM, 10, 10)
    await log.close()
    const before = await readFile(file)
    const reading = await openLogForReading({ dataDir })
    expect((await flat(reading.pages())).length).toBe(11)
    await reading.close()
    expect((await readFile(file)).equals(before)).toBe(true)
  })

  test('says in one line what is not there', async () => {
    const dataDir = await freshDir()
    const refused = async (source: Parameters<typeof openLogForReading>[0]) => {
      const error: unknown = await openLogForReading(source).catch((thrown) => thrown)
      expect(error).toBeInstanceOf(NoLog)
      const { message } = error as NoLog
      expect(message).not.toContain('\n')
      return message
    }
    expect(await refused({ dataDir })).toMatch(/there is no event log in .*DATA_DIR/)
    await writeFile(join(dataDir, 'log.db'), 'no database at all, but of some length'.repeat(100))
    expect(await refused({ dataDir })).toMatch(/cannot be read: file is not a database/)

    const empty = await freshDir()
    const log = await openEmbeddedLog({ file: join(empty, 'log.db') })
    expect(await refused({ dataDir: empty })).toMatch(/has no events yet/)
    await begin(log)
    await begin(log, 'other')
    expect(await refused({ dataDir: empty })).toMatch(/of several projects: say which of other, reading/)
    expect(await refused({ dataDir: empty, project: 'third' })).toMatch(/has nothing of project third/)
    await (await openLogForReading({ dataDir: empty, project: 'other' })).close()
    await log.close()
    const away = { eventstoreUrl: 'esdb://127.0.0.1:1?tls=false', project: PROJECT }
    expect(await refused(away)).toMatch(/cannot be reached/)
  })
})

test('EventStoreDB is read alike', async () => {
  const standIn = await startStandIn()
  try {
    const log = await openEventStoreLog({ url: standIn.url, project: PROJECT })
    await begin(log)
    const reading = await openLogForReading({ eventstoreUrl: standIn.url, project: PROJECT })
    await checkReading(log, reading)
    await Promise.all([reading.close(), log.close()])
  } finally {
    await standIn.stop()
  }
})
