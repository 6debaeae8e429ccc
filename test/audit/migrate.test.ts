// A log that moves from a file into EventStoreDB.
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { type ExportedEvent, exportLines, openExport } from '../../libs/audit/src/index.js'
import { openLogForReading } from '../../libs/event-log/src/index.js'
import { freePort } from '../observability/scrape.js'
import { growOut } from '../replicas/grown.js'
import { bytesOf, cli, contentOf, exportedSource, PROJECT, readEvents, type Source } from './moves.js'

jest.setTimeout(120_000)

const ends: (() => Promise<unknown>)[] = []
let source: Source

beforeAll(async () => {
  source = await exportedSource(ends, 24)
})
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

test('an embedded log moves into EventStoreDB and PostgreSQL, and shows the same', async () => {
  const grown = await growOut()
  ends.push(() => grown.end())
  const port = String(await freePort())
  await grown.startReplica({ PORT: port, SYSTEM_ASSISTANTS: 'no' })
  const url = `http://127.0.0.1:${port}`
  const { code, err } = await cli(['import', source.file, '--url', url])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const moved = await openLogForReading({ eventstoreUrl: grown.store.url, project: PROJECT })
  ends.push(() => moved.close())
  const imported = await readEvents(openExport(source.file))
  const expected = imported.filter(({ stream }) => !stream.startsWith('ledger.')).map(({ id }) => id)
  expect((await contentOf(moved)).map(({ id }) => id)).toEqual(expected)
  // And an export from there holds the same.
  const back = []
  for await (const piece of exportLines(moved)) back.push(piece)
  const again = await readEvents(bytesOf(Buffer.concat(back).toString('utf8').trimEnd().split('\n')))
  const own = ({ position: _, ...event }: ExportedEvent) => event
  const noLedger = ({ stream }: ExportedEvent) => !stream.startsWith('ledger.')
  expect(again.filter(noLedger).map(own)).toEqual(imported.filter(noLedger).map(own))
})
