// The commands that go through a whole log, on one of 100,000 events with deletions and new lives, in both kinds of log.
import { createReadStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { readExport } from '@assistant-ledger/audit'
import { type EventLog, openEmbeddedLog, openEventStoreLog } from '@assistant-ledger/event-log'
import { openReadModel } from '@assistant-ledger/read-model'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { CheckpointSigner } from '../../apps/registry/src/checkpoints/signer.js'
import { until } from '../faults/until.js'
import { type StandIn, startStandIn } from '../support/event-store/start.js'
import { signingKey } from './installation.js'
import { fillWithMany, isBegunAgain, isDeleted } from './many.js'
import { cli, idOf, PROJECT, scratch } from './moves.js'
import { LogFile, streamOf } from './tampering.js'

const EVENTS = 100_000
jest.setTimeout(240_000)

const ends: (() => Promise<unknown>)[] = []
let dir: string
let dataDir: string
let trusted: string
const { key, fingerprint, pem } = signingKey()
const signing = { key, fingerprint, publicKey: pem }
let store: StandIn
let assistants: number
let events: number
beforeAll(async () => {
  dir = await scratch(ends)
  dataDir = join(dir, 'data')
  trusted = join(dir, 'key.pem')
  await mkdir(dataDir)
  store = await startStandIn()
  ends.push(() => store.stop())
  const embedded = await openEmbeddedLog({ file: join(dataDir, 'log.db') })
  const grown = await openEventStoreLog({ url: store.url, project: PROJECT })
  try {
    const written = await fillWithMany([embedded, grown], EVENTS)
    assistants = written.assistants
    events = written.events
    await Promise.all([sign(embedded, events), sign(grown, events)])
    await writeFile(trusted, pem)
  } finally {
    await Promise.all([embedded.close(), grown.close()])
  }
}, 240_000)
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

/** Has the log sign itself, once: with a service it would, within seconds. */
async function sign(log: EventLog, count: number): Promise<void> {
  const signer = new CheckpointSigner(log, PROJECT, signing, { events: count, quiet_ms: 100 })
  const stop = new AbortController()
  const led = signer.lead(stop.signal)
  const covered = () => signer.last?.count ?? 0
  await until('a checkpoint over all', 60_000, covered, (at) => at >= count)
  stop.abort()
  await led
}

const proved = (...options: string[]) => cli(['verify', ...options, '--trusted-key', trusted])

/** Ids of the events by stream, as a file of an export has them; each line's checksum is checked on the way. */
async function exported(file: string): Promise<Map<string, string[]>> {
  const streams = new Map<string, string[]>()
  for await (const item of readExport(createReadStream(file))) {
    if (item.type !== 'event') continue
    const { stream, id, revision } = item.event
    const ids = streams.get(stream) ?? []
    if (ids.push(id) !== Number(revision) + 1)
      throw new Error(`${stream} has ${revision} in place ${ids.length}`)
    streams.set(stream, ids)
  }
  return streams
}

const jsonLines = (out: string): Record<string, unknown>[] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

test('both logs give the same export, with every event', async () => {
  const files = [join(dir, 'embedded.ndjson'), join(dir, 'store.ndjson')] as const
  const ran = [
    await cli(['export', files[0], '--data-dir', dataDir]),
    await cli(['export', files[1], '--eventstore-url', store.url]),
  ]
  expect(ran.map(({ code }) => code)).toEqual([0, 0])
  const [embedded, grown] = [await exported(files[0]), await exported(files[1])]
  expect(embedded.size).toBe(assistants + 1)
  embedded.delete(`ledger.${PROJECT}`)
  grown.delete(`ledger.${PROJECT}`)
  expect([...embedded.values()].flat().length).toBe(events)
  expect(isDeepStrictEqual(grown, embedded)).toBe(true)
})

test('the log in the event store is proved whole', async () => {
  const { code, out } = await proved('--eventstore-url', store.url, '--only', 'log', '--json')
  const lines = jsonLines(out)
  expect([code, lines.at(-1)]).toEqual([0, expect.objectContaining({ kind: 'verdict', agrees: true })])
  expect(lines).toContainEqual(expect.objectContaining({ kind: 'part', part: 'log' }))
})

test('a replay makes what the log says, deleted and begun again included, and verify agrees', async () => {
  const replayed = await cli(['replay', '--to', 'read-model', '--offline', '--data-dir', dataDir])
  expect([replayed.code, replayed.err]).toEqual([0, ''])
  const model = await openReadModel({ file: join(dataDir, 'read-model.db'), project: PROJECT })
  try {
    const there = Array.from({ length: assistants }, (_, n) => n).filter((n) => !isDeleted(n))
    expect(await model.count({})).toBe(there.length)
    expect(await model.count({ graph_id: 'other' })).toBe(there.filter(isBegunAgain).length)
  } finally {
    await model.close()
  }
  const { code, err } = await proved('--data-dir', dataDir, '--only', 'log', 'read-model')
  expect([code, err]).toEqual([0, expect.stringContaining('all agrees')])
})

test('one event that was altered amid all is named, and nothing else', async () => {
  const file = new LogFile(dataDir)
  file.replace(streamOf(idOf(4_321)), 1, 'data', /Prompt 1/, 'Prompt 9')
  file.close()
  const { code, out } = await proved('--data-dir', dataDir, '--only', 'log', '--json')
  const differences = jsonLines(out).filter(({ kind }) => kind === 'difference')
  expect([code, differences]).toEqual([
    3,
    [expect.objectContaining({ stream: streamOf(idOf(4_321)), revision: 1 })],
  ])
})
