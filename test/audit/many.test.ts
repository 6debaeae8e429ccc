// The commands that go through a whole log, on one of 100,000 events with deletions and new lives; and a smaller one in both
// kinds of log.
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
import { startStandIn } from '../support/event-store/start.js'
import { signingKey } from './installation.js'
import { fillWithMany, isBegunAgain, isDeleted } from './many.js'
import { cli, idOf, PROJECT, scratch } from './moves.js'
import { LogFile, streamOf } from './tampering.js'

const EVENTS = 100_000
const IN_BOTH = 5_000
jest.setTimeout(240_000)

const ends: (() => Promise<unknown>)[] = []
let dir: string
let dataDir: string
let trusted: string
const { key, fingerprint, pem } = signingKey()
const signing = { key, fingerprint, publicKey: pem }
let assistants: number
let events: number
beforeAll(async () => {
  dir = await scratch(ends)
  dataDir = join(dir, 'data')
  trusted = join(dir, 'key.pem')
  await mkdir(dataDir)
  await writeFile(trusted, pem)
  const log = await openEmbeddedLog({ file: join(dataDir, 'log.db') })
  try {
    ;({ assistants, events } = await fillWithMany([log], EVENTS))
    await sign(log, events)
  } finally {
    await log.close()
  }
}, 120_000)
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

test('an export has every event, in its place', async () => {
  const file = join(dir, 'all.ndjson')
  expect((await cli(['export', file, '--data-dir', dataDir])).code).toBe(0)
  const streams = await exported(file)
  expect(streams.size).toBe(assistants + 1)
  streams.delete(`ledger.${PROJECT}`)
  expect([...streams.values()].flat().length).toBe(events)
})

test('both kinds of log give the same export, and the proof of both holds', async () => {
  const store = await startStandIn()
  ends.push(() => store.stop())
  const file = join(dir, 'log.db')
  const logs = [
    await openEmbeddedLog({ file }),
    await openEventStoreLog({ url: store.url, project: PROJECT }),
  ] as const
  const written = await fillWithMany(logs, IN_BOTH)
  for (const log of logs) {
    await sign(log, written.events)
    await log.close()
  }
  const all = []
  for (const [n, place] of [
    ['--data-dir', dir],
    ['--eventstore-url', store.url],
  ].entries()) {
    const to = join(dir, `both-${n}.ndjson`)
    expect((await cli(['export', to, ...place])).code).toBe(0)
    const { code, out } = await proved(...place, '--only', 'log', '--json')
    expect([code, jsonLines(out).at(-1)]).toEqual([
      0,
      expect.objectContaining({ kind: 'verdict', agrees: true }),
    ])
    const streams = await exported(to)
    streams.delete(`ledger.${PROJECT}`)
    all.push(streams)
  }
  expect(all[0]?.size).toBe(written.assistants)
  expect(isDeepStrictEqual(all[0], all[1])).toBe(true)
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
