// A log as a file: every event as it is stored, and a file of which any line was altered is not read.
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { chained, NO_CHAIN } from '../../libs/audit/src/export/line.js'
import { AlteredExport, openExport } from '../../libs/audit/src/index.js'
import { bytesOf, cli, exportedSource, idOf, linesOf, PROJECT, readEvents, type Source } from './moves.js'

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
    const changed = (index: number, from: string | RegExp, to: string) =>
      lines.with(index, (lines[index] as string).replace(from, to))
    const cases: readonly [string, readonly string[], RegExp][] = [
      ['the first line', changed(0, '"epoch":1', '"epoch":2'), /^line 1 does not fit its checksum/],
      ['data', changed(3, 'Prompt 1', 'Prompt 7'), /^line 4 does not fit/],
      ['metadata', changed(3, 'ada', 'bob'), /^line 4 does not fit/],
      ['an id', changed(5, /"id":"./, '"id":"0'), /^line 6 does not fit/],
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

test('where nothing can be written it is said in one line, and is no success', async () => {
  const nowhere = await cli(['export', '/nowhere/x.ndjson', '--data-dir', source.dataDir])
  expect(nowhere).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^error: ENOENT: .*'\/nowhere'\n$/),
  })
})
