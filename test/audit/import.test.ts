// A file into another installation: the same events there, once only, whatever breaks off in between; nothing of a file
// that is not what was exported, and nothing over another history.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { openExport } from '../../libs/audit/src/index.js'
import { openEmbeddedLog, openLogForReading } from '../../libs/event-log/src/index.js'
import { until } from '../faults/until.js'
import { type HttpService, startHttpService } from '../http/service.js'
import {
  change,
  cli,
  contentOf,
  exportedSource,
  fillLog,
  idOf,
  linesOf,
  live,
  PROJECT,
  readEvents,
  type Source,
  startCli,
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

async function startTarget(env: Record<string, string> = {}): Promise<HttpService> {
  const target = await startHttpService({ SYSTEM_ASSISTANTS: 'no', ...env })
  ends.push(() => target.stop())
  return target
}

const storedIn = async (target: HttpService) => {
  const stored = await openLogForReading({ dataDir: target.service.registry.dataDir })
  try {
    return await contentOf(stored)
  } finally {
    await stored.close()
  }
}

describe('an import', () => {
  let target: HttpService
  beforeAll(async () => {
    target = await startTarget()
  })

  test('that finds something altered, late in the file, writes nothing', async () => {
    const lines = await linesOf(source.file)
    const altered = join(source.dir, 'altered.ndjson')
    const index = lines.length - 3
    await writeFile(
      altered,
      `${lines.with(index, (lines[index] as string).replace('ada', 'bob')).join('\n')}\n`,
    )
    const { code, err } = await cli(['import', altered, '--url', target.url])
    expect(code).toBe(1)
    expect(err).toMatch(/altered\.ndjson is not what was exported, and nothing was imported: line \d+/)
    expect(await storedIn(target)).toEqual([])
  })

  test('into an empty project has everything as it was, and once only', async () => {
    const dry = await cli(['import', source.file, '--url', target.url, '--dry-run'])
    expect(dry.out).toMatch(/0 were there already, \d+ would be written/)
    expect(await storedIn(target)).toEqual([])
    const run = () => cli(['import', source.file, '--url', target.url, '--reason', 'the move', '--json'])
    const first = JSON.parse((await run()).out)
    const events = await contentOf(source.reading)
    expect(first).toMatchObject({ events: events.length, present: 0, written: events.length })
    expect(await storedIn(target)).toEqual(events)
    expect(JSON.parse((await run()).out)).toMatchObject({ present: events.length, written: 0 })
    expect(await storedIn(target)).toEqual(events)
    // The service answers from them.
    await target.send('GET', `/assistants/${idOf(0)}`)
    const { body } = await target.send('POST', `/assistants/${idOf(0)}/versions`, {})
    expect(body.map(({ version }: { version: number }) => version)).toEqual([3, 2, 1])
    expect((await target.send('GET', `/assistants/${idOf(1)}`)).status).toBe(404)

    const stored = await openLogForReading({ dataDir: target.service.registry.dataDir })
    const notes = []
    for await (const { type, data, metadata } of stored.readStream(`ledger.${PROJECT}`))
      if (type === 'EventsImported') notes.push({ data, metadata })
    await stored.close()
    expect(notes).toEqual([
      {
        data: expect.objectContaining({ log_id: 'a-log', events: events.length, written: events.length }),
        metadata: expect.objectContaining({ reason: 'the move' }),
      },
    ])
  })

  test('of what was recorded since goes on where the last one ended', async () => {
    await live(source.log, 0, [change(9)])
    const more = join(source.dir, 'more.ndjson')
    const head = await source.reading.head()
    await cli(['export', more, '--data-dir', source.dataDir, '--since', String(head - 2n)])
    const { out } = await cli(['import', more, '--url', target.url, '--json'])
    expect(JSON.parse(out)).toMatchObject({ events: 2, present: 0, written: 2 })
    const written = (await storedIn(target)).filter(({ stream }) => stream.endsWith(idOf(0)))
    expect(written).toEqual(
      (await contentOf(source.reading)).filter(({ stream }) => stream.endsWith(idOf(0))),
    )
  })

  test('of assistants with another history here is refused by name, and writes nothing', async () => {
    const other = await startTarget()
    await other.send('POST', '/assistants', { assistant_id: idOf(3), graph_id: 'writer', name: 'Mine' })
    const before = await storedIn(other)
    const { code, err } = await cli(['import', source.file, '--url', other.url])
    expect(code).toBe(4)
    expect(err).toContain(`assistant.${PROJECT}-${idOf(3)}, event 0: another event stands here in its place`)
    expect(await storedIn(other)).toEqual(before)
    const project = await startTarget({ PROJECT: 'another' })
    const refused = await cli(['import', source.file, '--url', project.url])
    expect(refused.err).toMatch(/is of project default, and the service of project another/)
  })

  test('of a piece that lacks its beginning is refused', async () => {
    const { body, status } = await target.send('POST', '/admin/import/check', {
      claims: [{ stream: `assistant.${PROJECT}-${idOf(99)}`, from: 3, ids: [idOf(1)], first: true }],
    })
    expect([status, body.conflicts[0].reason]).toEqual([
      200,
      'the events before it are neither here nor in the file',
    ])
  })

  test('takes nothing that was not sealed', async () => {
    const [event] = (await readEvents(openExport(source.file))).filter(({ stream }) =>
      stream.startsWith('assistant.'),
    )
    const send = (...events: unknown[]) => target.send('POST', '/admin/import/events', { events })
    const forged = { ...event, data: { ...(event?.data as object), generation: 7 } }
    for (const events of [
      [forged],
      [{ ...event, stream: `ledger.${PROJECT}` }],
      [{ ...event, stream: 'assistant.other-1' }],
      [{ ...event, revision: -1 }],
      [{ ...event, metadata: null }],
      [{ ...event, type: 'Unheard' }],
      [7],
    ]) {
      const { status, body } = await send(...events)
      expect([status, body.code]).toEqual([422, 'invalid-request'])
    }
    expect((await target.send('POST', '/admin/import/events', { events: 7 })).status).toBe(422)
  })
})

test('an import that is killed goes on when it is run again', async () => {
  const big = join(source.dir, 'big')
  await mkdir(big)
  const bigLog = await openEmbeddedLog({ file: join(big, 'log.db') })
  await fillLog(bigLog, 400)
  await bigLog.close()
  const path = join(source.dir, 'big.ndjson.gz')
  await cli(['export', path, '--data-dir', big])
  const target = await startTarget()
  const importing = startCli(['import', path, '--url', target.url])
  await until(
    'events of it',
    30_000,
    () => storedIn(target),
    (stored) => stored.length > 0,
  )
  importing.child.kill('SIGKILL')
  await importing.ended
  const { code } = await cli(['import', path, '--url', target.url])
  expect(code).toBe(0)
  const whole = await openLogForReading({ dataDir: big })
  ends.push(() => whole.close())
  expect(await storedIn(target)).toEqual(await contentOf(whole))
})
