// Receipts against a real registry: what runners report comes back by name, once, as of now and as of then.
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { beginDay, type Day } from '../faults/day.js'
import { expectRebuildsEqual } from '../faults/expectations.js'
import { readBucket, readLog } from '../faults/records.js'
import { until, untilEqual } from '../faults/until.js'
import { type Assistant, type BusClient, busClient } from '../support/bus.js'
import { type On, TestRunner, type TestRunnerOptions } from './runner.js'

jest.setTimeout(90_000)

const DEADLINE_MS = 10_000

interface Receipt {
  readonly converged: boolean
  readonly active: number
  readonly of: number
  readonly rejected: { runner: string; reason: string }[]
  readonly lagging: string[]
  readonly first_ms?: number
  readonly last_ms?: number
  readonly hash: string
}

interface Standing extends On {
  readonly of: number
  readonly promoted_at: string
  readonly converged: boolean
  readonly active: { runner: string; instance: string; since: string; after_ms: number }[]
  readonly rejected: { runner: string; reason: string; on?: string }[]
  readonly lagging: { runner: string; instance: string }[]
  readonly gone: { runner: string; reason: string }[]
}

type Receipted = Assistant & { readonly receipt: Receipt }

let day: Day
let bus: BusClient
let logId: string
let assistant_id: string
const runners: TestRunner[] = []

beforeEach(async () => {
  day = await beginDay()
  bus = busClient(day.connection)
  ;({ assistant_id } = await bus.ask('create', { graph_id: 'writer' }))
  const { answer } = await until(
    'a key',
    DEADLINE_MS,
    () => readBucket(day.connection),
    ({ size }) => size > 0,
  )
  logId = [...answer.values()][0]?.log_id as string
})
afterEach(async () => {
  for (const runner of runners.splice(0)) runner.silence()
  await day.end()
})

function runner(name: string, more: Partial<TestRunnerOptions> = {}): TestRunner {
  const made = new TestRunner(day.connection, { name, logId, ...more })
  runners.push(made)
  return made
}

const standing = (more: object = {}) => bus.ask<Standing>('fleet', { assistant_id, ...more })
const present = () => bus.ask<{ runner: string; state: string }[]>('fleet', {})

/** Runners that are there by the service's own word. */
async function there(...names: string[]): Promise<TestRunner[]> {
  const all = names.map((name) => runner(name).come())
  await until('the runners there', DEADLINE_MS, present, (rows) => rows.length >= names.length)
  return all
}

test('a promotion answers with its receipt: every runner by name, on this hash, after so long', async () => {
  const fleet = await there('eu', 'us', 'ap')
  const promoted = bus.ask<Receipted>('update', { assistant_id, name: 'v2', wait: 'converged' })
  const { answer: on } = await until('the promotion', DEADLINE_MS, standing, ({ version }) => version === 2)
  expect(on).toMatchObject({ of: 3, converged: false, active: [] })
  expect(on.lagging.map(({ runner }) => runner)).toEqual(['ap', 'eu', 'us'])
  for (const one of fleet) await one.active(on)
  const { receipt, version } = await promoted
  expect(version).toBe(2)
  expect(receipt).toEqual({
    converged: true,
    active: 3,
    of: 3,
    rejected: [],
    lagging: [],
    first_ms: expect.any(Number),
    last_ms: expect.any(Number),
    hash: on.hash,
  })
  expect(receipt.last_ms).toBeGreaterThanOrEqual(receipt.first_ms as number)
  const now = await standing()
  expect(now.active.map(({ runner }) => runner).sort()).toEqual(['ap', 'eu', 'us'])
  expect(now.active.every(({ since }) => since >= now.promoted_at)).toBe(true)
})

test('who refuses is named with the reason, at once, and blocks nobody', async () => {
  const [eu, us] = (await there('eu', 'us')) as [TestRunner, TestRunner]
  const from = performance.now()
  const promoted = bus.ask<Receipted>('update', { assistant_id, wait: 'converged', wait_ms: 60_000 })
  const { answer: on } = await until('the promotion', DEADLINE_MS, standing, ({ version }) => version === 2)
  await us.rejects(on, 'the model is not allowed here')
  await eu.active(on)
  const { receipt } = await promoted
  expect(performance.now() - from).toBeLessThan(30_000)
  expect(receipt).toMatchObject({
    converged: false,
    active: 1,
    of: 2,
    lagging: [],
    rejected: [{ runner: 'us', reason: 'the model is not allowed here' }],
  })
})

test('who says nothing lags, by name; the command is durable all the same', async () => {
  const [eu] = (await there('eu', 'us')) as [TestRunner]
  const promoted = bus.ask<Receipted>('update', { assistant_id, wait: 'converged', wait_ms: 1_500 })
  const { answer: on } = await until('the promotion', DEADLINE_MS, standing, ({ version }) => version === 2)
  await eu.active(on)
  expect((await promoted).receipt).toMatchObject({ converged: false, active: 1, of: 2, lagging: ['us'] })
  expect((await bus.ask('get', { assistant_id })).version).toBe(2)
})

test('a wait ends when another promotion takes its place, and when the service is stopped', async () => {
  await there('eu')
  const first = bus.ask<Receipted>('update', { assistant_id, wait: 'converged', wait_ms: 60_000 })
  await until('the promotion', DEADLINE_MS, standing, ({ version }) => version === 2)
  const second = bus.ask<Receipted>('update', { assistant_id, wait: 'converged', wait_ms: 60_000 })
  expect((await first).receipt).toMatchObject({ converged: false, lagging: ['eu'] })
  await until('the promotion', DEADLINE_MS, standing, ({ version }) => version === 3)
  expect(await day.registry.stop()).toBe(0)
  expect((await second).receipt).toMatchObject({ converged: false, lagging: ['eu'] })
})

test('more waits than may run at once leave the service responsive', async () => {
  await there('eu')
  const ids = await Promise.all(
    Array.from({ length: 300 }, async () => (await bus.ask('create', { graph_id: 'writer' })).assistant_id),
  )
  const waits = ids.map((id) =>
    bus.ask<Receipted>('update', { assistant_id: id, wait: 'converged', wait_ms: 8_000 }),
  )
  await until(
    'all promoted',
    DEADLINE_MS,
    () => bus.ask('get', { assistant_id: ids.at(-1) }),
    (a) => a.version === 2,
  )
  expect((await bus.ask('get', { assistant_id })).version).toBe(1)
  for (const { receipt } of await Promise.all(waits)) expect(receipt.lagging).toEqual(['eu'])
})

test('a report that comes twice, in any way, is recorded once', async () => {
  const [eu] = (await there('eu')) as [TestRunner]
  const on = await standing()
  await eu.active(on)
  await untilEqual('the report', DEADLINE_MS, async () => (await standing()).active.length, 1)
  const { since } = (await standing()).active[0] as { since: string }
  await eu.report(on, 'active', {}, randomUUID())
  await Promise.all(Array.from({ length: 5 }, () => eu.report(on, 'active', {}, randomUUID())))
  // One that comes after all of these has been recorded after them.
  await eu.rejects({ ...on, revision: on.revision + 1 }, 'the last word')
  await until(
    'the last word',
    DEADLINE_MS,
    () => bus.ask<{ assistants_on: { refused?: object }[] }[]>('fleet', { runner: 'eu' }),
    ([row]) => row?.assistants_on[0]?.refused !== undefined,
  )
  expect((await standing()).active).toMatchObject([{ runner: 'eu', since }])
  await day.registry.stop()
  const reports = (await readLog(day.dataDir))
    .filter(({ type }) => type === 'RunnersReported')
    .flatMap(({ data }) => (data as { reports: { status: string }[] }).reports.map(({ status }) => status))
  expect(reports).toEqual(['active', 'rejected'])
  await expectRebuildsEqual(day.dataDir)
})

test('what is forged, of another log or no report at all is passed over, and the next report is taken', async () => {
  const [eu] = (await there('eu')) as [TestRunner]
  const on = await standing()
  await runner('eu', { logId: randomUUID() }).active(on)
  await eu.report(on, 'active', { runner: 'somebody-else' }, randomUUID())
  await eu.report(on, 'active', { hash: 'x' }, randomUUID())
  await eu.report({ ...on, assistant_id: randomUUID() }, 'active')
  for (const state of [{ v: 2 }, { name: 'other' }, { graphs: 'writer' }, { instance: 7 }])
    eu.say('live', state)
  // Under its own name, and as the instance of another.
  const mallory = runner('mallory', { instance: eu.instance })
  await mallory.active(on)
  await mallory.rejects(on, 'not mine to say')
  mallory.close()
  await eu.active(on)
  await untilEqual(
    'the report',
    DEADLINE_MS,
    async () => (await standing()).active.map((one) => one.runner),
    ['eu'],
  )
  expect(await present()).toMatchObject([{ runner: 'eu', state: 'live' }])
})

test('who leaves counts no longer; who comes back is measured again', async () => {
  const [, us] = (await there('eu', 'us')) as [TestRunner, TestRunner]
  us.close()
  await untilEqual(
    'one runner',
    DEADLINE_MS,
    async () => (await standing()).lagging.map((one) => one.runner),
    ['eu'],
  )
  const again = runner('us').come()
  await untilEqual('two runners', DEADLINE_MS, async () => (await standing()).of, 2)
  expect(again.instance).not.toBe(us.instance)
})

test('who is silent for 15 s is gone, not lagging', async () => {
  const [, us] = (await there('eu', 'us')) as [TestRunner, TestRunner]
  us.silence()
  const { tookMs } = await until('one runner', 30_000, standing, ({ of }) => of === 1)
  expect(tookMs).toBeGreaterThan(12_000)
  expect((await standing()).lagging).toMatchObject([{ runner: 'eu' }])
  const [gone] = await bus.ask<{ runner: string; gone: object }[]>('fleet', { runner: 'us', gone: true })
  expect(gone).toMatchObject({ state: 'gone', gone: { reason: 'silent' } })
})

test('two runners of one name are both named, and neither hides the other', async () => {
  const [one] = (await there('twin')) as [TestRunner]
  const other = runner('twin').come()
  await untilEqual('two runners', DEADLINE_MS, async () => (await standing()).of, 2)
  const on = await standing()
  await one.active(on)
  await untilEqual('one active', DEADLINE_MS, async () => (await standing()).active.length, 1)
  expect((await standing()).lagging).toMatchObject([{ runner: 'twin', instance: other.instance }])
})

test('runners of another graph, environment or other assistants do not count', async () => {
  runner('other-graph', { graphs: ['editor'] }).come()
  runner('other-environment', { environment: 'staging' }).come()
  runner('others-only', { assistants: [randomUUID()] }).come()
  await there('eu')
  await until('four runners', DEADLINE_MS, present, (rows) => rows.length === 4)
  expect((await standing()).lagging.map((one) => one.runner)).toEqual(['eu'])
})

test('a promotion of the past is shown as it went, and as it was at any time', async () => {
  const [eu, us] = (await there('eu', 'us')) as [TestRunner, TestRunner]
  await bus.ask('update', { assistant_id, name: 'v2' })
  const first = await standing()
  await eu.active(first)
  await untilEqual('one active', DEADLINE_MS, async () => (await standing()).active.length, 1)
  const { promoted_at: between } = await bus
    .ask('update', { assistant_id, name: 'v3' })
    .then(() => standing())
  const second = await standing()
  await eu.active(second)
  await us.active(second)
  await untilEqual('both active', DEADLINE_MS, async () => (await standing()).active.length, 2)
  us.close()
  await untilEqual('one runner', DEADLINE_MS, async () => (await standing()).of, 1)

  expect(await standing({ revision: first.revision })).toMatchObject({
    version: 2,
    active: [{ runner: 'eu' }],
    gone: [{ runner: 'us', reason: 'closed' }],
  })
  expect((await standing({ revision: second.revision })).active.map((one) => one.runner).sort()).toEqual([
    'eu',
    'us',
  ])
  const then = await standing({ at: between })
  expect(then).toMatchObject({ version: 3, of: 2, active: [] })
  expect((await bus.send('fleet', { assistant_id, at: '2001-01-01T00:00:00Z' })).status).toBe(404)
})

test('a lost report is asked for again', async () => {
  const [eu] = (await there('eu')) as [TestRunner]
  const on = await standing()
  eu.loses(on, 'active')
  await until(
    'the question',
    20_000,
    () => eu.asked,
    (asked) => asked.length > 0,
  )
  expect(eu.asked[0]).toEqual({ v: 1, instance: eu.instance, do: 'report' })
  await eu.active(on)
  await untilEqual('the report', DEADLINE_MS, async () => (await standing()).active.length, 1)
})

test('whoever watches hears of each step', async () => {
  const [eu] = (await there('eu')) as [TestRunner]
  const heard: { active: number; of: number; revision: number }[] = []
  day.connection.subscribe(`assistants.v1.default.fleet.${assistant_id}`, {
    callback: (_error, message) => void heard.push(message.json()),
  })
  await bus.ask('update', { assistant_id })
  const on = await standing()
  await until(
    'lagging',
    DEADLINE_MS,
    () => heard,
    (all) => all.some((one) => one.revision === on.revision),
  )
  await eu.active(on)
  await until(
    'active',
    DEADLINE_MS,
    () => heard.at(-1),
    (last) => last?.active === 1 && last.of === 1,
  )
})
