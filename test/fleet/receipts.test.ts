// Receipts against a real registry: what runners report comes back by name, once, as of now and as of then.
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { jetstream } from '@nats-io/jetstream'
import { beginDay, type Day } from '../faults/day.js'
import { expectRebuildsEqual } from '../faults/expectations.js'
import { readBucket, readLog } from '../faults/records.js'
import { until, untilEqual } from '../faults/until.js'
import { type Assistant, type BusClient, busClient } from '../support/bus.js'
import { type On, TestRunner, type TestRunnerOptions } from './runner.js'

jest.setTimeout(90_000)

const DEADLINE_MS = 10_000
/** Silent for so long, a runner is gone; a look every second finds that out. */
const SILENT_MS = 15_000
const GONE_WITHIN_MS = 25_000

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
const present = () => bus.ask<{ runner: string; state: string; graphs: string[] }[]>('fleet', {})

/** Runners that are there by the service's own word. */
async function there(...names: string[]): Promise<TestRunner[]> {
  const all = names.map((name) => runner(name).come())
  await until('the runners there', DEADLINE_MS, present, (rows) => rows.length >= names.length)
  return all
}

/** Every report that is in the log. The registry must be stopped. */
async function recorded() {
  const events = await readLog(day.dataDir)
  return events
    .filter(({ type }) => type === 'RunnersReported')
    .flatMap(({ data }) => (data as { reports: { runner: string; status: string }[] }).reports)
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

test('a wait ends when the last one that lags has gone', async () => {
  const [eu, us] = (await there('eu', 'us')) as [TestRunner, TestRunner]
  const from = performance.now()
  const promoted = bus.ask<Receipted>('update', { assistant_id, wait: 'converged', wait_ms: 60_000 })
  const { answer: on } = await until('the promotion', DEADLINE_MS, standing, ({ version }) => version === 2)
  await eu.active(on)
  await untilEqual('one active', DEADLINE_MS, async () => (await standing()).active.length, 1)
  us.close()
  expect((await promoted).receipt).toMatchObject({ converged: true, active: 1, of: 1, lagging: [] })
  expect(performance.now() - from).toBeLessThan(30_000)
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
  await bus.ask('update', { assistant_id })
  await eu.rejects(await standing(), 'the last word')
  await until(
    'the last word',
    DEADLINE_MS,
    () => bus.ask<{ assistants_on: { refused?: object }[] }[]>('fleet', { runner: 'eu' }),
    ([row]) => row?.assistants_on[0]?.refused !== undefined,
  )
  expect((await standing({ at: since })).active).toMatchObject([{ runner: 'eu', since }])
  await day.registry.stop()
  expect((await recorded()).map(({ status }) => status)).toEqual(['active', 'rejected'])
  await expectRebuildsEqual(day.dataDir)
})

test('a report that a killed service had taken, and not recorded, is recorded by the next', async () => {
  const [eu] = (await there('eu')) as [TestRunner]
  const on = await standing()
  await day.registry.kill()
  await eu.active(on)
  const consumer = await jetstream(day.connection).consumers.get('RUNNER_ACKS_default', 'registry')
  // Taken here, unless by the one that was killed.
  await consumer.next({ expires: 1_000 })
  await day.startRegistry()
  await untilEqual('the report', DEADLINE_MS, async () => (await standing()).active.length, 1)
})

test('what is forged, of another log or no report at all is passed over, and the next report is taken', async () => {
  const [eu] = (await there('eu')) as [TestRunner]
  const on = await standing()
  await runner('eu', { instance: eu.instance, logId: randomUUID() }).active(on)
  await eu.report(on, 'active', { runner: 'somebody-else' }, randomUUID())
  await eu.report(on, 'active', { hash: 'x' }, randomUUID())
  await eu.report({ ...on, assistant_id: randomUUID() }, 'active')
  // Revisions and environments that there are not.
  for (const revision of [on.revision + 1, 10 ** 9]) await eu.active({ ...on, revision })
  for (const environment of ['staging', 'nowhere'])
    await eu.report(on, 'active', { environment }, randomUUID())
  for (const state of [{ v: 2 }, { name: 'other' }, { graphs: 'writer' }, { instance: 7 }])
    eu.say('live', { instance: randomUUID(), ...state })
  // Under its own name, and as the instance of another.
  const mallory = runner('mallory', { instance: eu.instance })
  await mallory.active(on)
  await mallory.rejects(on, 'not mine to say')
  mallory.close()
  await eu.rejects(on, 'mine to say')
  await untilEqual('the report', DEADLINE_MS, async () => (await standing()).rejected.length, 1)
  expect(await standing()).toMatchObject({ rejected: [{ runner: 'eu', reason: 'mine to say' }], active: [] })
  expect(await present()).toMatchObject([{ runner: 'eu', state: 'live' }])
  await day.registry.stop()
  const said = (await recorded()).map(({ runner, status }) => `${runner} ${status}`)
  expect(said.sort()).toEqual(['eu rejected', 'mallory active', 'mallory rejected'])
})

test('many reports that wait are a few events, and one that waits many times is in one of them once', async () => {
  const on = await standing()
  await day.registry.kill()
  const many = Array.from({ length: 300 }, (_, i) => new TestRunner(day.connection, { name: `r${i}`, logId }))
  await Promise.all(many.map((one) => one.active(on)))
  const last = runner('last')
  for (let again = 0; again < 10; again++) await last.report(on, 'active', {}, randomUUID())
  await day.startRegistry()
  last.come()
  await untilEqual('the last report', DEADLINE_MS, async () => (await standing()).active.length, 1)
  await day.registry.stop()
  expect(await recorded()).toHaveLength(301)
  const events = (await readLog(day.dataDir)).filter(({ type }) => type === 'RunnersReported')
  expect(events.length).toBeLessThan(30)
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

test('who leaves and comes back after it was active took as long as it did', async () => {
  const [eu] = (await there('eu')) as [TestRunner]
  await bus.ask('update', { assistant_id, name: 'v2' })
  const on = await standing()
  await eu.active(on)
  await untilEqual('active', DEADLINE_MS, async () => (await standing()).active.length, 1)
  const before = await standing()
  eu.close()
  await untilEqual('nobody there', DEADLINE_MS, async () => (await standing()).of, 0)
  eu.come()
  await untilEqual('back', DEADLINE_MS, async () => (await standing()).of, 1)
  expect(before.active[0]?.after_ms).toBeGreaterThan(0)
  expect((await standing()).active).toEqual(before.active)
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

test('who ended while the service was down is gone soon after, and who did not has never left', async () => {
  const [, us] = (await there('eu', 'us')) as [TestRunner, TestRunner]
  await day.registry.kill()
  us.close()
  await day.startRegistry()
  await untilEqual('one runner', GONE_WITHIN_MS, async () => (await standing()).of, 1)
  await day.registry.stop()
  const events = (await readLog(day.dataDir)).filter(({ type }) => /^Runners(Joined|Left)$/.test(type))
  const stays = events.flatMap(({ type, data }) =>
    (data as { runners: { runner: string }[] }).runners.map((one) => `${type} ${one.runner}`),
  )
  expect(stays.sort()).toEqual(['RunnersJoined eu', 'RunnersJoined us', 'RunnersLeft us'])
})

test('a service that was frozen for longer than a runner may be silent takes nobody for gone', async () => {
  await there('eu', 'us')
  process.kill(day.registry.pid, 'SIGSTOP')
  const frozen = performance.now()
  await until(
    'the end of it',
    GONE_WITHIN_MS,
    () => performance.now() - frozen,
    (ms) => ms > SILENT_MS + 3_000,
  )
  process.kill(day.registry.pid, 'SIGCONT')
  expect((await standing()).of).toBe(2)
  // Two looks later, by the service's own clock.
  const thawed = performance.now()
  await until(
    'two looks',
    DEADLINE_MS,
    () => performance.now() - thawed,
    (ms) => ms > 2_500,
  )
  await day.registry.stop()
  expect((await readLog(day.dataDir)).filter(({ type }) => type === 'RunnersLeft')).toEqual([])
})

test('whoever has claimed an instance first, its own runner is there all the same', async () => {
  const eu = runner('eu')
  runner('mallory', { instance: eu.instance }).come()
  await until('the other', DEADLINE_MS, present, (rows) => rows.length === 1)
  eu.come()
  const shown = async () => (await present()).map(({ runner, state }) => [runner, state])
  await untilEqual('both there', DEADLINE_MS, shown, [
    ['eu', 'live'],
    ['mallory', 'live'],
  ])
})

test('who follows something else from now on counts where it is, and no longer where it was', async () => {
  const [eu] = (await there('eu')) as [TestRunner]
  eu.silence()
  eu.say('live', { graphs: ['editor'] })
  await untilEqual('nobody of that graph', DEADLINE_MS, async () => (await standing()).of, 0)
  // It left as what it was before it joined as what it is.
  const where = async () => (await present()).map(({ runner, graphs }) => [runner, graphs])
  await untilEqual('there for the other graph', DEADLINE_MS, where, [['eu', ['editor']]])
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

test('who refused first and took it later is active, and the refusal is told no more', async () => {
  const [eu] = (await there('eu')) as [TestRunner]
  const on = await standing()
  await eu.rejects(on, 'not yet')
  await untilEqual('the refusal', DEADLINE_MS, async () => (await standing()).rejected.length, 1)
  await eu.active(on)
  await untilEqual('active', DEADLINE_MS, async () => (await standing()).active.length, 1)
  expect((await standing()).rejected).toEqual([])
  const [row] = await bus.ask<{ assistants_on: object[] }[]>('fleet', { runner: 'eu' })
  expect(row?.assistants_on).toEqual([expect.not.objectContaining({ refused: expect.anything() })])
})

test('a command that changes nothing waits for the promotion that is in force', async () => {
  const [eu] = (await there('eu')) as [TestRunner]
  const on = await standing()
  await bus.ask('promote', { assistant_id, version: 1, environment: 'staging' })
  const again = bus.ask<Receipted>('promote', { assistant_id, version: 1, wait: 'converged' })
  await eu.active(on)
  expect((await again).receipt).toMatchObject({ converged: true, active: 1, hash: on.hash })
})

test('only so many waits run at a time: one more is answered with what is known', async () => {
  await there('eu')
  const wait = { assistant_id, version: 1, wait: 'converged', wait_ms: 60_000 }
  let answered = 0
  const all = Array.from({ length: 1_001 }, () =>
    bus.ask<Receipted>('promote', wait).then(({ receipt }) => {
      answered += 1
      return receipt
    }),
  )
  await untilEqual('the answer to one', DEADLINE_MS, () => answered, 1)
  expect(await day.registry.stop()).toBe(0)
  for (const receipt of await Promise.all(all)) expect(receipt.lagging).toEqual(['eu'])
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

test('a retry with its key may wait longer: it is the same command, and waits for the same promotion', async () => {
  const [eu] = (await there('eu')) as [TestRunner]
  const key = { 'Idempotency-Key': 'again' }
  const update = { assistant_id, name: 'v2', wait: 'converged' }
  const first = await bus.ask<Receipted>('update', { ...update, wait_ms: 50 }, key)
  expect(first.receipt).toMatchObject({ converged: false, lagging: ['eu'] })
  const again = bus.ask<Receipted>('update', { ...update, wait_ms: 30_000 }, key)
  await eu.active(await standing())
  expect((await again).receipt).toMatchObject({ converged: true, active: 1 })
  const { wait: _, ...alone } = update
  expect((await bus.ask('update', alone, key)).version).toBe(2)
})
