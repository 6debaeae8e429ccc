// A file into another installation: the same events there, once only, whatever breaks off in between; nothing of a file
// that is not what was exported, and nothing over another history.
import { mkdir, readFile, rename, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { openExport } from '../../libs/audit/src/index.js'
import { openEmbeddedLog, openLogForReading } from '../../libs/event-log/src/index.js'
import { until } from '../faults/until.js'
import { type HttpService, startHttpService } from '../http/service.js'
import { freePort } from '../observability/scrape.js'
import { startNatsServer } from '../support/nats-server.js'
import { startRegistry } from '../support/registry.js'
import {
  beginLog,
  change,
  cli,
  contentOf,
  create,
  exportedSource,
  fillLog,
  idOf,
  linesOf,
  live,
  newerEvent,
  PROJECT,
  readEvents,
  type Source,
  scratch,
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

/** What the project's log says of imports. */
async function noteOf(target: HttpService) {
  const stored = await openLogForReading({ dataDir: target.service.registry.dataDir })
  const notes = []
  for await (const { type, data, metadata } of stored.readStream(`ledger.${PROJECT}`))
    if (type === 'EventsImported') notes.push({ data, metadata })
  await stored.close()
  return notes
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
    const note = await noteOf(target)
    const events = await contentOf(source.reading)
    expect(first).toMatchObject({ events: events.length, present: 0, written: events.length })
    expect(await storedIn(target)).toEqual(events)
    expect(JSON.parse((await run()).out)).toMatchObject({ present: events.length, written: 0 })
    expect(await storedIn(target)).toEqual(events)
    expect(await noteOf(target)).toEqual(note)
    // The service answers from them.
    await target.send('GET', `/assistants/${idOf(0)}`)
    const { body } = await target.send('POST', `/assistants/${idOf(0)}/versions`, {})
    expect(body.map(({ version }: { version: number }) => version)).toEqual([3, 2, 1])
    expect((await target.send('GET', `/assistants/${idOf(1)}`)).status).toBe(404)

    expect(note).toEqual([
      {
        data: expect.objectContaining({ log_id: 'a-log', events: events.length, written: events.length }),
        metadata: expect.objectContaining({ reason: 'the move' }),
      },
    ])
  })

  test('and exported from there again it is the same, but for positions and what they enter into', async () => {
    const again = join(source.dir, 'again.ndjson')
    await cli(['export', again, '--data-dir', target.service.registry.dataDir])
    const eventsOf = async (file: string) =>
      (await linesOf(file))
        .filter((line) => /"ledgerstream":"(?!ledger\.)/.test(line))
        .map((line) => line.replace(/,"ledgerposition":"\d+"/, '').replace(/,"ledgerchain":"\w+"}$/, ''))
    const lines = await eventsOf(again)
    expect(lines).toEqual(await eventsOf(source.file))
    // Among them one that was deleted and made again.
    const second = lines.filter(
      (line) => line.includes(idOf(5)) && line.includes('"type":"AssistantCreated"'),
    )
    expect(second.map((line) => JSON.parse(`${line}}`).data.generation)).toEqual([1, 2])
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

  test('of a part and then of the whole says what is written, where streams alternate too', async () => {
    const dir = join(source.dir, 'alternating')
    await mkdir(dir)
    const log = await openEmbeddedLog({ file: join(dir, 'log.db') })
    await beginLog(log)
    // Two assistants in turn, so that one batch has several pieces of each.
    for (const id of [50, 51]) await live(log, id, [create(id)])
    for (const n of [1, 2, 3, 4]) await live(log, 50 + (n % 2), [change(n)])
    const events = Number(await log.head()) - 1
    await log.close()
    const [part, whole] = ['part', 'whole'].map((name) => join(dir, `${name}.ndjson`)) as [string, string]
    await cli(['export', part, '--data-dir', dir, '--until', String(events - 2)])
    await cli(['export', whole, '--data-dir', dir])
    await cli(['import', part, '--url', target.url])
    const run = async (...args: string[]) => (await cli(['import', whole, '--url', target.url, ...args])).out
    const were = `${events} events, ${events - 3} were there already`
    expect(await run('--dry-run')).toContain(`${were}, 3 would be written`)
    expect(await run()).toContain(`${were}, 3 written`)
    expect((await noteOf(target)).at(-1)?.data).toMatchObject({ events, written: 3 })
  })

  test('of assistants with another history here is refused by name, and writes nothing', async () => {
    const other = await startTarget()
    await other.send('POST', '/assistants', { assistant_id: idOf(3), graph_id: 'writer', name: 'Mine' })
    const before = await storedIn(other)
    const { code, err } = await cli(['import', source.file, '--url', other.url])
    expect(code).toBe(4)
    expect(err).toContain(`assistant.${PROJECT}-${idOf(3)}, event 0: another event stands here in its place`)
    // So it is when it comes up only as it is written: somebody made it after the look.
    const events = (await readEvents(openExport(source.file))).filter(({ stream }) =>
      stream.endsWith(idOf(3)),
    )
    for (const [some, code, revision, why] of [
      [events, 409, 0, 'another event stands here in its place'],
      [events.slice(1), 422, 1, 'its previousHash is not the hash of the event before it'],
      [events.slice(3), 409, 3, 'the events before it are not here'],
    ] as const) {
      const { status, body } = await other.send('POST', '/admin/import/events', { events: some })
      expect([status, body.detail]).toEqual([
        code,
        `Event ${revision} of stream assistant.${PROJECT}-${idOf(3)} is refused: ${why}`,
      ])
    }
    expect(await storedIn(other)).toEqual(before)
    await other.stop()
  })

  test('of another project, or of what this version cannot read, is refused before anything is written', async () => {
    const project = await startTarget({ PROJECT: 'another' })
    const refused = await cli(['import', source.file, '--url', project.url])
    expect([refused.code, refused.err]).toEqual([
      1,
      expect.stringMatching(
        /^error: .* cannot be imported here, and nothing was: line 1 says that it is of project default, and the service is of project another: .*\n$/,
      ),
    ])
    await project.stop()

    const dir = join(source.dir, 'newer')
    await mkdir(dir)
    const log = await openEmbeddedLog({ file: join(dir, 'log.db') })
    await fillLog(log, 1)
    const newer = await newerEvent(log, 2)
    await log.close()
    const file = join(source.dir, 'newer.ndjson')
    expect((await cli(['export', file, '--data-dir', dir])).code).toBe(0)
    const before = await storedIn(target)
    const { code, err } = await cli(['import', file, '--url', target.url])
    const stream = `assistant.${PROJECT}-${idOf(2)}`
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(
        `^error: .*: line 9: event 0 of stream ${stream} cannot be read: its schema 2 is newer than 1. Import it with the version that exported it\n$`,
      ),
    ])
    const sent = await target.send('POST', '/admin/import/events', { events: [newer] })
    expect([sent.status, sent.body.detail]).toEqual([
      422,
      `Event 0 of stream ${stream} is refused: its schema 2 is newer than 1`,
    ])
    expect(await storedIn(target)).toEqual(before)
  })

  test('of what cannot be decompressed, or was cut, says so in one line', async () => {
    const file = join(source.dir, 'packed.ndjson.gz')
    await cli(['export', file, '--data-dir', source.dataDir])
    const bytes = await readFile(file)
    const failed = async () => {
      const { code, err } = await cli(['import', file, '--url', target.url])
      expect([code, err.split('\n').length]).toEqual([1, 2])
      return err
    }
    await writeFile(file, bytes.fill(0x55, bytes.length >> 1, (bytes.length >> 1) + 50))
    expect(await failed()).toMatch(
      /is not what was exported, and nothing was imported: (it cannot be|line \d+)/,
    )
    await cli(['export', `${file}.gz`, '--data-dir', source.dataDir])
    await rename(`${file}.gz`, file)
    await truncate(file, bytes.length - 200)
    expect(await failed()).toMatch(/nothing was imported: the file was cut after line \d+/)
    await writeFile(`${file}.long.ndjson`, 'x'.repeat(17 * 1024 * 1024))
    const long = await cli(['import', `${file}.long.ndjson`, '--url', target.url])
    expect(long.err).toMatch(/^error: .*: line 1 has more than 16 MiB: it is no line of an export\n$/)
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

test('an import that is killed, or whose service is, goes on when it is run again', async () => {
  const big = join(source.dir, 'big')
  await mkdir(big)
  const bigLog = await openEmbeddedLog({ file: join(big, 'log.db') })
  await fillLog(bigLog, 400)
  await bigLog.close()
  const path = join(source.dir, 'big.ndjson.gz')
  await cli(['export', path, '--data-dir', big])
  const nats = await startNatsServer()
  ends.push(() => nats.stop())
  const dataDir = await scratch(ends)
  const port = await freePort()
  const service = { natsUrl: nats.url, dataDir, env: { PORT: String(port), SYSTEM_ASSISTANTS: 'no' } }
  const args = ['import', path, '--url', `http://127.0.0.1:${port}`]
  const stored = async (dir = dataDir) => {
    const log = await openLogForReading({ dataDir: dir })
    return contentOf(log).finally(() => log.close())
  }
  const all = await stored(big)
  const first = await startRegistry(service)
  const importing = startCli(args)
  const some = await until('events of it', 30_000, stored, ({ length }) => length > 0)
  importing.child.kill('SIGKILL')
  await importing.ended
  const again = startCli(args)
  await until('more of it', 30_000, stored, ({ length }) => length > some.answer.length)
  await first.kill()
  const { code, err } = await again.ended
  expect([code, err]).toEqual([
    1,
    expect.stringMatching(/^(broken off; what was written stays.*\n)?error: writing events: .*\n$/),
  ])
  expect((await stored()).length).toBeLessThan(all.length)
  const second = await startRegistry(service)
  ends.push(() => second.stop())
  expect(await cli(args)).toMatchObject({ code: 0, err: '' })
  expect(await stored()).toEqual(all)
})
