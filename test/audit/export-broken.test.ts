// An export that does not come to its end: killed at its work or between two steps, without room, with nobody who reads,
// or beside another one. What there is goes on as if nothing had been, and nothing is taken for whole that is not.
import { existsSync, statSync } from 'node:fs'
import { copyFile, mkdir, readFile, rename, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import Database from 'better-sqlite3'
import { type ExportedEvent, exportToFile, openExport } from '../../libs/audit/src/index.js'
import {
  type LogForReading,
  openEmbeddedLog,
  openLogForReading,
  takeLock,
} from '../../libs/event-log/src/index.js'
import { until } from '../faults/until.js'
import { cli, cliIn, fillHeavyLog, readEvents, scratch, startCli } from './moves.js'

jest.setTimeout(120_000)

const ends: (() => Promise<unknown>)[] = []
let dir: string
let data: string
let reading: LogForReading
let whole: readonly ExportedEvent[]
/** A whole export, compressed and not. */
let plain: string
let packed: string

beforeAll(async () => {
  dir = await scratch(ends)
  data = join(dir, 'data')
  await mkdir(data)
  const log = await openEmbeddedLog({ file: join(data, 'log.db') })
  await fillHeavyLog(log, 20)
  await log.close()
  plain = join(dir, 'plain.ndjson')
  packed = join(dir, 'packed.ndjson.gz')
  reading = await openLogForReading({ dataDir: data })
  ends.push(() => reading.close())
  for (const file of [plain, packed]) await exportToFile(reading, file, { continues: false })
  whole = await readEvents(openExport(plain))
  expect(whole.length).toBe(21)
})
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

let names = 0
const fresh = (end: string) => join(dir, `other-${++names}.${end}`)
const exported = (file: string, ...more: string[]) => cli(['export', file, '--data-dir', data, ...more])
const goneOn = (file: string) => exportToFile(reading, file, { continues: true })

/** When it was begun: an export that goes on keeps its first line. */
async function begunAt(file: string): Promise<string> {
  for await (const piece of openExport(file)) return piece.toString('utf8').split('\n', 1)[0] as string
  throw new Error(`${file} is empty`)
}

async function expectWhole(file: string): Promise<void> {
  expect(await readEvents(openExport(file))).toEqual(whole)
  if (file.endsWith('.gz')) gunzipSync(await readFile(file))
  for (const end of ['.part', '.part.old', '.part.lock', '.part.lock-journal'])
    expect(existsSync(file + end)).toBe(false)
}

test('one that is killed at its work, and killed again as it goes on, goes on', async () => {
  const file = fresh('ndjson.gz')
  const killed = async (more: readonly string[], isAtWork: () => boolean) => {
    const { child, ended } = startCli(['export', file, '--data-dir', data, ...more])
    await until('it at work', 30_000, isAtWork, (is) => is)
    child.kill('SIGKILL')
    expect((await ended).code).toBe(null)
    expect(existsSync(file)).toBe(false)
  }
  await killed([], () => statSync(`${file}.part`).size > 300_000)
  const first = await begunAt(`${file}.part`)
  await killed(['--continue'], () => existsSync(`${file}.part.old`))
  const { code, err } = await exported(file, '--continue')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  await expectWhole(file)
  expect(await begunAt(file)).toBe(first)
})

describe('one that ended between two steps of --continue goes on with what has more', () => {
  const cut = async (file: string, share: number) =>
    truncate(file, Math.floor((await stat(file)).size * share))
  const states: readonly [string, (source: string, part: string) => Promise<unknown>][] = [
    [
      'the old one alone',
      async (source, part) => {
        await copyFile(source, `${part}.old`)
        await cut(`${part}.old`, 0.6)
      },
    ],
    [
      'the new one behind the old one',
      async (source, part) => {
        for (const file of [part, `${part}.old`]) await copyFile(source, file)
        await cut(part, 0.2)
        await cut(`${part}.old`, 0.6)
      },
    ],
    [
      'the new one ahead of the old one',
      async (source, part) => {
        for (const file of [part, `${part}.old`]) await copyFile(source, file)
        await cut(part, 0.9)
        await cut(`${part}.old`, 0.6)
      },
    ],
    [
      'the new one whole but for its last bytes',
      async (source, part) => {
        await copyFile(source, part)
        await truncate(part, (await stat(part)).size - 4)
      },
    ],
    ['the new one whole', (source, part) => copyFile(source, part)],
    ['nothing of the new one', (_, part) => writeFile(part, '')],
  ]
  test.each(states)('%s', async (_, make) => {
    for (const [source, end] of [
      [plain, 'ndjson'],
      [packed, 'ndjson.gz'],
    ] as const) {
      const file = fresh(end)
      await make(source, `${file}.part`)
      const kept = (await stat(`${file}.part`).catch(() => stat(`${file}.part.old`))).size > 0
      await goneOn(file)
      await expectWhole(file)
      expect((await begunAt(file)) === (await begunAt(source))).toBe(kept)
    }
  })

  test('one whose beginning was altered meanwhile does not go on', async () => {
    const file = fresh('ndjson')
    const lines = (await readFile(plain, 'utf8')).split('\n')
    await writeFile(
      `${file}.part`,
      lines.with(2, (lines[2] as string).replace('"writer"', '"editor"')).join('\n'),
    )
    await expect(goneOn(file)).rejects.toThrow(
      /\.part: line 3 does not fit its checksum.* Remove it, and export without --continue$/,
    )
    expect(existsSync(file)).toBe(false)
    // Begun anew, nothing of it is left to be gone on with.
    await copyFile(`${file}.part`, `${file}.part.old`)
    await exportToFile(reading, file, { continues: false })
    await expectWhole(file)
  })
})

test('of two under one name one is made, and the other says so', async () => {
  const file = fresh('ndjson.gz')
  const both = await Promise.all([exported(file), exported(file)])
  expect(both.map(({ code }) => code).sort()).toEqual([0, 1])
  await expectWhole(file)
  expect((await exported(file)).err).toMatch(/^error: .* is there already: name another, or remove it\n$/)
  await expect(goneOn(fresh('ndjson'))).rejects.toThrow(/^there is no .* export without --continue$/)
  // While the other one is at it, also where there is something to be gone on with.
  const busy = fresh('ndjson')
  await rename(plain, `${busy}.part`)
  const unlock = takeLock(`${busy}.part.lock`)
  for (const continues of [false, true])
    await expect(exportToFile(reading, busy, { continues })).rejects.toThrow(
      /^another export writes .*: name another file/,
    )
  unlock?.()
  await rename(`${busy}.part`, plain)
})

test('where there is no room left it says so in one line, and goes on when there is', async () => {
  const file = fresh('ndjson.gz')
  const limited = await cliIn('ulimit -f 1000; exec "$@"', ['export', file, '--data-dir', data])
  expect(limited.code).toBe(1)
  expect(limited.err).toMatch(
    /^broken off; what there is, is in .*\.part: go on with --continue\nerror: EFBIG: .*\n$/,
  )
  expect(existsSync(file)).toBe(false)
  expect((await exported(file, '--continue')).code).toBe(0)
  await expectWhole(file)
})

test('into a standard output that is full or closed it is no success', async () => {
  const args = ['export', '--data-dir', data]
  expect(await cliIn('exec "$@" > /dev/full', args)).toEqual({
    code: 1,
    out: '',
    err: expect.stringMatching(/^error: the standard output cannot be written: ENOSPC.*\n$/),
  })
  const left = await cliIn('set -o pipefail; "$@" | head -c 1000 > /dev/null', args)
  expect([left.code, left.err]).toEqual([
    1,
    'error: whoever reads the standard output left before the end: what there is of it is cut\n',
  ])
})

test('of an event that is no JSON is refused by its name, before a line of it is written', async () => {
  const other = join(dir, 'damaged')
  await mkdir(other)
  await copyFile(join(data, 'log.db'), join(other, 'log.db'))
  for (const damaged of ['{"content":', '"text"', '{\n}']) {
    const db = new Database(join(other, 'log.db'))
    db.prepare('update events set data = ? where position = 7').run(damaged)
    db.close()
    const log = await openLogForReading({ dataDir: other })
    await expect(exportToFile(log, fresh('ndjson'), { continues: false })).rejects.toThrow(
      /^event 0 of stream assistant\.default-.*: it is not JSON/,
    )
    await log.close()
  }
  const { code, err } = await cli(['export', '--data-dir', other])
  expect([code, err]).toEqual([1, expect.stringMatching(/^error: the log was altered: event 0 .*\n$/)])
})
