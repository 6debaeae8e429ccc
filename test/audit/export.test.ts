// A log as a file: every event as it is stored, and a file of which any line was altered is not read.
import { existsSync } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import Database from 'better-sqlite3'
import { chained, NO_CHAIN } from '../../libs/audit/src/export/line.js'
import { AlteredExport, openExport } from '../../libs/audit/src/index.js'
import { openEmbeddedLog } from '../../libs/event-log/src/index.js'
import {
  bytesOf,
  cli,
  exportedSource,
  fillLog,
  idOf,
  linesOf,
  PROJECT,
  readEvents,
  type Source,
} from './moves.js'

jest.setTimeout(120_000)

const ends: (() => Promise<unknown>)[] = []
let source: Source

beforeAll(async () => {
  source = await exportedSource(ends, 24)
})
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

describe('an export', () => {
  test('has every event as it is stored, each as a CloudEvent', async () => {
    const events = await readEvents(openExport(source.file))
    const stored = []
    for await (const event of source.reading.readAll()) stored.push(event)
    expect(events).toEqual(
      stored.map(({ revision, position, ...event }) => ({
        ...event,
        revision: Number(revision),
        position: String(position),
      })),
    )
    const second = JSON.parse((await linesOf(source.file))[2] as string)
    expect(second).toMatchObject({
      specversion: '1.0',
      id: events[1]?.id,
      source: '/assistant-ledger/default',
      type: 'AssistantCreated',
      subject: idOf(0),
      datacontenttype: 'application/json',
      data: { content: { name: 'Assistant 0' } },
    })
    for (const name of Object.keys(second)) expect(name).toMatch(/^[a-z0-9]+$/)
  })

  test('of some assistants or a graph has theirs, and one up to a position ends there', async () => {
    const streams = async (...args: string[]) => {
      const { out } = await cli(['export', '--data-dir', source.dataDir, ...args])
      return [...new Set((await readEvents(bytesOf(out.trimEnd().split('\n')))).map(({ stream }) => stream))]
    }
    expect(await streams('--assistant', idOf(0))).toEqual([
      `assistant.${PROJECT}-${idOf(0)}`,
      `fleet.${PROJECT}-${idOf(0)}`,
    ])
    expect((await streams('--graph', 'other')).sort()).toEqual(
      [2, 5, 8, 11, 14, 17, 20, 23].map((n) => `assistant.${PROJECT}-${idOf(n)}`).sort(),
    )
    expect(await streams('--until', '2')).toEqual([`ledger.${PROJECT}`, `assistant.${PROJECT}-${idOf(0)}`])
    expect((await streams('--since', '2', '--until', '3')).length).toBe(1)
  })

  test('that is altered in any line is not read, and says which', async () => {
    const lines = await linesOf(source.file)
    const last = lines.length - 1
    const changed = (index: number, from: string | RegExp, to: string | ((found: string) => string)) =>
      lines.with(index, (lines[index] as string).replace(from, to as string))
    const cases: readonly [string, readonly string[], RegExp][] = [
      ['the first line', changed(0, '"epoch":1', '"epoch":2'), /^line 1 does not fit its checksum/],
      ['data', changed(3, 'Prompt 1', 'Prompt 7'), /^line 4 does not fit/],
      ['metadata', changed(3, 'ada', 'bob'), /^line 4 does not fit/],
      [
        'an id',
        changed(5, /"id":"./, (found) => (found.endsWith('0') ? '"id":"1' : '"id":"0')),
        /^line 6 does not fit/,
      ],
      ['a checksum', changed(5, /.{10}"}$/, '0123456789"}'), /^line 6 does not fit/],
      ['the last line', changed(last, /"events":\d+/, '"events":1'), /does not fit/],
      ['a line is gone', lines.toSpliced(4, 1), /^line 5 does not fit/],
      ['a line is there twice', lines.toSpliced(4, 0, lines[4] as string), /^line 6 does not fit/],
      ['two lines are exchanged', lines.with(4, lines[5] as string).with(5, lines[4] as string), /^line 5/],
      ['it is cut', lines.slice(0, 7), /^the file was cut after line 7/],
      ['its last line is missing', lines.slice(0, -1), /^the file was cut after line \d+/],
      ['something follows', [...lines, lines[1] as string], /stands behind the last line/],
      ['another one follows', [...lines, ...lines], /^line \d+ stands behind the last line/],
      ['it is none', ['{"hello":"world"}'], /^line 1 has no checksum/],
      ['it is empty', [], /^the file was cut after line 0/],
    ]
    for (const [name, altered, message] of cases) {
      const error: unknown = await readEvents(bytesOf(altered)).catch((thrown) => thrown)
      expect([name, error]).toEqual([name, expect.any(AlteredExport)])
      expect((error as Error).message).toMatch(message)
    }
  })

  test('whose checksums were made again is refused by the hashes of its events', async () => {
    const lines = (await linesOf(source.file)).map((line) => line.replace(/,"ledgerchain":.*$/, ''))
    const again = (some: readonly string[]) => {
      let chain = NO_CHAIN
      return some.map((line) => {
        const closed = chained(line, chain)
        chain = closed.chain
        return closed.line.trimEnd()
      })
    }
    // What is made again of unaltered lines is as it was.
    expect(again(lines)).toEqual(await linesOf(source.file))
    const streams = (await readEvents(openExport(source.file))).map(({ stream }) => stream)
    const other = streams.indexOf(`assistant.${PROJECT}-${idOf(1)}`) + 1
    const cases: readonly [readonly string[], RegExp][] = [
      [
        lines.with(3, (lines[3] as string).replace('"prompt":"Prompt 1', '"prompt":"Prompt 7')),
        /its data were altered/,
      ],
      [
        lines.with(3, (lines[3] as string).replace('\\"ada\\"', '\\"bob\\"')),
        /place, type or metadata were altered/,
      ],
      [lines.with(3, (lines[3] as string).replace(/"id":"./, '"id":"z')), /its id is not that of its hash/],
      [lines.toSpliced(3, 1), /event 2 .* but event 1 is the next one/],
      // The last event of one stream and the first of another: each is in its place in its own.
      [
        lines.with(other - 1, lines[other] as string).with(other, lines[other - 1] as string),
        new RegExp(`^line ${other + 1} is not in the order of the log`),
      ],
      [lines.toSpliced(3, 0, lines[3] as string), /^line 5 is not in the order of the log/],
    ]
    for (const [altered, message] of cases)
      await expect(readEvents(bytesOf(again(altered)))).rejects.toThrow(message)
  })
})

test('of nothing is a whole file that says so, and what the log does not know is refused', async () => {
  const head = String(await source.reading.head())
  const file = join(source.dir, 'none.ndjson')
  const none = await cli(['export', file, '--data-dir', source.dataDir, '--since', head])
  expect(none).toMatchObject({ code: 0, err: '', out: expect.stringContaining('none.ndjson: 0 events of') })
  expect(await readEvents(openExport(file))).toEqual([])
  const gone = await cli(['export', '--data-dir', source.dataDir, '--since', head])
  expect(gone).toMatchObject({
    code: 0,
    err: expect.stringMatching(/^0 events of project default, up to \S+ \d+\n$/),
  })
  const known = ['--assistant', idOf(0), '--graph', 'writer']
  const cases: readonly [readonly string[], RegExp][] = [
    [['--since', String(BigInt(head) + 1n)], /the log ends at position \d+, before \d+/],
    [['--since', '9', '--until', '8'], /nothing is after position 9 and up to 8/],
    [[...known, '--graph', 'nope'], /the log has nothing of graph "nope"\n/],
    [[...known, '--assistant', idOf(999)], new RegExp(`the log has nothing of assistant ${idOf(999)}\n`)],
  ]
  const to = join(source.dir, 'refused.ndjson')
  for (const [args, message] of cases) {
    const { code, out, err } = await cli(['export', to, '--data-dir', source.dataDir, ...args])
    expect([args, code, out]).toEqual([args, 2, ''])
    expect(err).toMatch(message)
    for (const left of [to, `${to}.part`]) expect(existsSync(left)).toBe(false)
  }
})

test('of a log that was altered has it as it is, and is no success', async () => {
  const dir = join(source.dir, 'altered')
  await mkdir(dir)
  const log = await openEmbeddedLog({ file: join(dir, 'log.db') })
  await fillLog(log, 2)
  await log.close()
  const db = new Database(join(dir, 'log.db'))
  db.exec(`update events set data = replace(data, 'Prompt 1', 'Prompt 7')`)
  db.close()
  const file = join(dir, 'all.ndjson')
  const { code, err } = await cli(['export', file, '--data-dir', dir])
  expect([code, err]).toEqual([
    3,
    expect.stringMatching(
      new RegExp(
        `^error: the log was altered and is exported as it is.*: event 1 of stream assistant.${PROJECT}-${idOf(0)}: its data were altered.*, and 1 more; .*\n$`,
      ),
    ),
  ])
  expect((await linesOf(file)).filter((line) => line.includes('"prompt":"Prompt 7')).length).toBe(2)
  const gap = new Database(join(dir, 'log.db'))
  gap.exec(
    `delete from events where position = (select min(position) from events where data like '%Prompt 7%')`,
  )
  gap.close()
  const lacks = await cli(['export', '--data-dir', dir])
  expect([lacks.code, lacks.err]).toEqual([3, expect.stringContaining('event 1 is missing before it')])
})

test("is its owner's alone, and where nothing can be written it is said in one line", async () => {
  expect((await stat(source.file)).mode & 0o777).toBe(0o600)
  const nowhere = await cli(['export', '/nowhere/x.ndjson', '--data-dir', source.dataDir])
  expect(nowhere).toMatchObject({
    code: 2,
    err: 'error: there is no folder /nowhere to export into: make it, or name another\n',
  })
})
