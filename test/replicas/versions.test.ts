// Replicas of an old and a new build side by side, as while a new version is rolled out: what only the new one can read,
// what none can, and a read model that is built beside the old one.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { assistantStream, SCHEMA } from '@assistant-ledger/assistant'
import { PROJECTION_VERSION } from '@assistant-ledger/read-model'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { AdvisoryLock } from '../../apps/registry/src/replicas/advisory-lock.js'
import { PROJECT } from '../faults/commands.js'
import { MARK } from '../faults/expectations.js'
import { held } from '../faults/held.js'
import { until, untilEqual } from '../faults/until.js'
import { type Assistant, type BusClient, busClient } from '../support/bus.js'
import { launchRegistry, type RegistryProcess } from '../support/registry.js'
import { type Grown, growOut } from './grown.js'
import { readyOf } from './ready.js'

jest.setTimeout(120_000)

const DEADLINE_MS = 30_000
/** Requests after which every replica has most likely answered some. */
const MANY = 16

const newer = (number: 'SCHEMA' | 'PROJECTION_VERSION') => ({
  NEWER: number,
  NODE_OPTIONS: `--import ${pathToFileURL(join(import.meta.dirname, 'newer-build.mjs'))}`,
})

let grown: Grown
let bus: BusClient
beforeEach(async () => {
  grown = await growOut({ replicas: 1 })
  bus = busClient(grown.connection)
})
afterEach(() => grown.end())

const create = (mark: string) => bus.ask('create', { graph_id: 'writer', context: { [MARK]: mark } })

const many = <T>(ask: () => Promise<T>) => Promise.all(Array.from({ length: MANY }, ask))

/** Of the assistants that the tests made, and not of the system's own. */
const search = () => bus.ask<object[]>('search', { name: 'Untitled' })

const nameOf = async (assistant_id: string) => (await bus.ask<Assistant>('get', { assistant_id })).name

/** Appends a change of the assistant's name that a replica of a later build made. */
async function changeLater(assistant_id: string, name: string, schema: number): Promise<bigint> {
  const log = await grown.openLog()
  try {
    const stream = assistantStream(PROJECT, assistant_id)
    for await (const { revision, metadata, data } of log.readStream(stream, { direction: 'backward' })) {
      const { content } = data as { content?: object }
      if (!content) continue
      const changed = { ...(data as object), version: 2, content: { ...content, name } }
      const appended = await log.append(stream, revision, [
        {
          id: crypto.randomUUID(),
          type: 'ConfigChanged',
          data: changed,
          metadata: { ...(metadata as object), commandId: crypto.randomUUID(), schema },
        },
      ])
      return appended.revision
    }
    throw new Error('it has no content')
  } finally {
    await log.close()
  }
}

/** Starts a replica of the newer build while the other one leads; on a busy machine that may lose its lead meanwhile. */
async function startBehind(old: RegistryProcess): Promise<void> {
  for (;;) {
    const behind = await grown.startReplica(newer('SCHEMA'))
    if ((await grown.leader('projection')) === old) return
    await grown.kill(behind)
    await until(
      'the lead back',
      DEADLINE_MS,
      () => grown.leader('projection'),
      (one) => one === old,
    )
  }
}

test('an event that one replica cannot read: it gives up the lead, the other one goes on, and both show it', async () => {
  const [old] = grown.replicas
  if (!old) throw new Error('there is no replica')
  await startBehind(old)
  const runner = await grown.follow('between-builds')
  const { assistant_id } = await create('before')
  await changeLater(assistant_id, 'from a later build', SCHEMA + 1)
  await grown.otherLeader('projection', old)
  const shown = () => bus.ask<object[]>('versions', { assistant_id })
  await until('the version of the later build', DEADLINE_MS, shown, ({ length }) => length === 2)
  expect(old.said()).toMatch(/gives up the lead of the projection: .*schema 2/)
  // Until the new one has projected what it writes itself, the old one can decide nothing on top of that.
  const promoted = () => bus.send('promote', { assistant_id, version: 2 })
  await until('a promotion', DEADLINE_MS, promoted, ({ status }) => status === 200)
  // Whoever answers: the row spares the old one the event.
  expect(new Set(await many(() => nameOf(assistant_id)))).toEqual(new Set(['from a later build']))
  await untilEqual('the runner on it', DEADLINE_MS, () => held(runner, assistant_id)?.version, 2)
  for (const replica of grown.replicas)
    expect(await readyOf(replica)).toMatchObject({ code: 200, words: { read_model: 'current' } })
})

test('an event that no replica can read: its stream alone is quarantined, and health names it', async () => {
  await grown.startReplica(newer('SCHEMA'))
  const runner = await grown.follow('keeps-what-it-has')
  const [{ assistant_id }, other] = [await create('kept'), await create('goes on')]
  await untilEqual('the runner on it', DEADLINE_MS, () => held(runner, assistant_id)?.mark, 'kept')
  const revision = await changeLater(assistant_id, 'nobody reads this', SCHEMA + 2)
  const readiness = () => Promise.all([...grown.replicas].map(readyOf))
  const isQuarantined = ({ words }: { words: { read_model?: string } }) => words.read_model === 'quarantined'
  const { answer } = await until('the quarantine', DEADLINE_MS, readiness, (all) => all.every(isQuarantined))
  for (const { code, details } of answer) {
    expect(code).toBe(200)
    const stream = assistantStream(PROJECT, assistant_id)
    const quarantined = [{ stream, revision: Number(revision), reason: expect.stringContaining('schema') }]
    expect(details.read_model).toMatchObject({ quarantined })
  }
  for (const verb of ['get', 'update', 'versions', 'delete'])
    for (const { status, body } of await many(() => bus.send(verb, { assistant_id })))
      expect({ verb, status, body }).toMatchObject({ verb, status: 503, body: { code: 'unreadable' } })

  await bus.ask('update', { assistant_id: other.assistant_id, context: { [MARK]: 'went on' } })
  await untilEqual('the other one', DEADLINE_MS, () => held(runner, other.assistant_id)?.mark, 'went on')
  expect(await search()).toMatchObject([{ assistant_id: other.assistant_id }])
  expect(held(runner, assistant_id)?.mark).toBe('kept')
})

test('a newer read model is built beside the old one; its replica answers nothing until it serves, and then alone', async () => {
  const old = [...grown.replicas][0]
  const { assistant_id } = await create('one')
  const runner = await grown.follow('across-versions')
  // It cannot build before this is given back.
  const lock = `assistant-ledger/${PROJECT}/projection/v${PROJECTION_VERSION + 1}`
  const held_up = await AdvisoryLock.take(grown.postgres.url, lock, new AbortController().signal)
  const building = await launchRegistry({
    natsUrl: grown.nats.url,
    env: {
      EVENTSTORE_URL: grown.store.url,
      DATABASE_URL: grown.postgres.url,
      ...newer('PROJECTION_VERSION'),
    },
  })
  grown.defer(() => building.stop())
  // It has had all the time that it takes to begin.
  const beat = async () => {
    const heartbeat = `select extract(epoch from heartbeat)::float8 as at from ledger_${PROJECT}.replicas where version = $1`
    const [row] = await grown.query<{ at: number }>(heartbeat, [PROJECTION_VERSION + 1])
    return row?.at ?? 0
  }
  const { answer: first } = await until('its first heartbeat', DEADLINE_MS, beat, (at) => at > 0)
  await until('more of them', DEADLINE_MS, beat, (at) => at > first + 2)
  for (const found of await many(search)) expect(found).toHaveLength(1)
  await bus.ask('update', { assistant_id, context: { [MARK]: 'two' } })
  await untilEqual('a change meanwhile', DEADLINE_MS, () => held(runner, assistant_id)?.mark, 'two')
  expect(building.said()).not.toContain('registry ready')

  await held_up?.release()
  await building.ready
  for (const found of await many(search)) expect(found).toHaveLength(1)
  await old?.stop()
  await bus.ask('update', { assistant_id, context: { [MARK]: 'three' } })
  await untilEqual('a change afterwards', DEADLINE_MS, () => held(runner, assistant_id)?.mark, 'three')
})
