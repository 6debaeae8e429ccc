// Guarded promotions against a real registry: broken, they take themselves back, exactly once, whoever dies meanwhile.
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { beginDay, type Day } from '../faults/day.js'
import { readBucket, readLog } from '../faults/records.js'
import { until, untilEqual } from '../faults/until.js'
import { type BusClient, busClient } from '../support/bus.js'
import { type On, TestRunner } from './runner.js'

jest.setTimeout(90_000)

const DEADLINE_MS = 10_000

let day: Day
let bus: BusClient
let assistant_id: string
let logId: string
let runners: TestRunner[]

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
  runners = ['eu', 'us'].map((name) => new TestRunner(day.connection, { name, logId }).come())
  await until(
    'the runners there',
    DEADLINE_MS,
    () => bus.ask<object[]>('fleet', {}),
    ({ length }) => length === 2,
  )
  await bus.ask('update', { assistant_id, name: 'v2', promote: false })
})
afterEach(async () => {
  for (const runner of runners) runner.silence()
  await day.end()
})

const promote = (guard: object, more: object = {}) =>
  bus.ask('promote', { assistant_id, version: 2, guard, ...more })
const on = () => bus.ask<On>('fleet', { assistant_id })
const standing = () => bus.ask<{ active: []; lagging: [] }>('fleet', { assistant_id })
const version = async () => (await bus.ask('get', { assistant_id })).version
const two = () => runners as [TestRunner, TestRunner]

/** Resolves when the service has given its verdict on a guard that was made after all others, and that is broken. */
async function afterAnotherVerdict(within_ms: number) {
  const { assistant_id: other } = await bus.ask('create', { graph_id: 'writer' })
  await bus.ask('update', { assistant_id: other, promote: false })
  await bus.ask('promote', { assistant_id: other, version: 2, guard: { within_ms } })
  const versionOfOther = async () => (await bus.ask('get', { assistant_id: other })).version
  await untilEqual('the way back of the other', DEADLINE_MS, versionOfOther, 1)
}

/** The promotions of the log, and what is recorded of each. The registry must be stopped. */
async function promotions() {
  const events = await readLog(day.dataDir)
  return events
    .filter(({ type }) => type === 'VersionPromoted')
    .map(({ data, metadata }) => {
      const { version, rollback } = data as { version: number; rollback?: true }
      const { actor, reason } = metadata as { actor: { id: string }; reason?: string }
      return { version, rollback, actor: actor.id, reason }
    })
}

test('a refusal breaks the rule at once: rolled back, with rule and receipt as its reason', async () => {
  await promote({ min_active: '100%', within_ms: 60_000, on_reject: 'rollback' })
  const promoted = await on()
  await two()[0].active(promoted)
  await two()[1].rejects(promoted, 'the model is not allowed here')
  await untilEqual('the way back', DEADLINE_MS, version, 1)
  await day.registry.stop()
  expect(await promotions()).toEqual([
    { version: 2, rollback: undefined, actor: 'anonymous', reason: undefined },
    {
      version: 1,
      rollback: true,
      actor: 'guard',
      reason: expect.stringMatching(/us refused it: the model is not/),
    },
  ])
  expect((await promotions())[1]?.reason).toMatch(/"rejected":\[\{"runner":"us"/)
})

test('a refusal stands when the runner that refused has gone: rolled back, with its name', async () => {
  await promote({ within_ms: 60_000 })
  const promoted = await on()
  two()[1].close()
  await untilEqual('one there', DEADLINE_MS, async () => (await standing()).lagging.length, 1)
  await two()[1].rejects(promoted, 'cannot go on with that')
  await untilEqual('the way back', DEADLINE_MS, version, 1)
  await day.registry.stop()
  expect((await promotions())[1]?.reason).toMatch(/us refused it: cannot go on.*"of":2,.*"runner":"us"/)
})

test('too few active when the time is over: rolled back', async () => {
  await promote({ min_active: '100%', within_ms: 1_000 })
  await two()[0].active(await on())
  await untilEqual('the way back', DEADLINE_MS, version, 1)
  await day.registry.stop()
  expect((await promotions())[1]?.reason).toMatch(/1 of 2 runners active after 1000 ms, 100 % wanted/)
})

test('enough active, and refusals ignored: it stays, also when it is judged again', async () => {
  await promote({ min_active: '50%', within_ms: 1_000, on_reject: 'ignore' })
  const promoted = await on()
  await two()[0].active(promoted)
  await two()[1].rejects(promoted, 'not here')
  await afterAnotherVerdict(2_000)
  expect(await version()).toBe(2)
  await day.registry.stop()
  await day.startRegistry()
  // Another runner that comes later changes nothing of what was so when the time was over.
  await afterAnotherVerdict(1)
  expect(await version()).toBe(2)
})

test('a runner that comes before the time is over counts: not met until then', async () => {
  await promote({ within_ms: 3_000 })
  const promoted = await on()
  for (const runner of two()) await runner.active(promoted)
  await untilEqual('both active', DEADLINE_MS, async () => (await standing()).active.length, 2)
  const late = new TestRunner(day.connection, { name: 'late', logId }).come()
  runners.push(late)
  await untilEqual('the late one counted', DEADLINE_MS, async () => (await standing()).lagging.length, 1)
  await late.rejects(promoted, 'not on this machine')
  await untilEqual('the way back', DEADLINE_MS, version, 1)
})

test('where nobody is there a guard is not met', async () => {
  for (const runner of runners) runner.close()
  await untilEqual('nobody there', DEADLINE_MS, async () => (await standing()).lagging.length, 0)
  await promote({ min_active: '1%', within_ms: 500 })
  await untilEqual('the way back', DEADLINE_MS, version, 1)
})

interface Ended {
  readonly converged: boolean
  readonly rejected: { runner: string; reason: string }[]
  readonly lagging: string[]
  readonly taken_back?: { revision: number; version: number; by: object; reason: string }
  readonly superseded?: { revision: number; version: number; by: object; reason?: string }
}
const receipted = (answer: Promise<unknown>) => answer.then((one) => (one as { receipt: Ended }).receipt)

test('who waits for a guarded promotion hears that it was taken back, and why', async () => {
  const waiting = receipted(promote({ within_ms: 60_000 }, { wait: 'converged', wait_ms: 30_000 }))
  const { answer: promoted } = await until('promoted', DEADLINE_MS, on, (one) => one.version === 2)
  await two()[0].active(promoted)
  await two()[1].rejects(promoted, 'not here')
  const receipt = await waiting
  expect(receipt).toMatchObject({
    converged: false,
    rejected: [{ runner: 'us', reason: 'not here' }],
    taken_back: { revision: promoted.revision + 1, version: 1, by: { id: 'guard' } },
  })
  expect(receipt.taken_back?.reason).toMatch(/us refused it: not here/)
  expect(receipt.superseded).toBeUndefined()
})

test('who waits hears that too few were active in time, and that another promotion came', async () => {
  const slow = await receipted(promote({ within_ms: 1_000 }, { wait: 'converged', wait_ms: 30_000 }))
  expect(slow).toMatchObject({
    lagging: ['eu', 'us'],
    taken_back: { reason: expect.stringMatching(/0 of 2/) },
  })
  const waiting = receipted(promote({ within_ms: 60_000 }, { wait: 'converged', wait_ms: 30_000 }))
  await until('promoted', DEADLINE_MS, on, (one) => one.version === 2)
  await bus.ask('update', { assistant_id, name: 'v3' }, { 'X-Actor': 'bob', 'X-Reason': 'better' })
  const receipt = await waiting
  expect(receipt.superseded).toMatchObject({ version: 3, by: { id: 'bob' }, reason: 'better' })
  expect(receipt.taken_back).toBeUndefined()
})

test('a guard that has nothing to go back to is refused', async () => {
  const guard = { within_ms: 1_000 }
  for (const promotion of [{ version: 1 }, { version: 2, environment: 'staging' }]) {
    const { status, body } = await bus.send('promote', { assistant_id, ...promotion, guard })
    expect([status, (body as { code: string }).code]).toEqual([409, 'nothing-to-guard'])
  }
})

test('a promotion that another one replaced is not taken back', async () => {
  await promote({ within_ms: 1_500 })
  await bus.ask('update', { assistant_id, name: 'v3' })
  await afterAnotherVerdict(1_500)
  expect(await version()).toBe(3)
})

test('the service is killed before the rule is broken, and again right after: one way back', async () => {
  await promote({ within_ms: 60_000 })
  const promoted = await on()
  await day.registry.kill()
  await two()[0].active(promoted)
  await two()[1].rejects(promoted, 'not here')
  await day.startRegistry()
  await untilEqual('the way back', DEADLINE_MS, version, 1)
  await day.registry.kill()
  await day.startRegistry()
  // What a start judges again it has judged before it answers for the guard of another promotion.
  await bus.ask('promote', { assistant_id, version: 2, guard: { within_ms: 1 } })
  await untilEqual('the way back of the second', DEADLINE_MS, version, 1)
  await day.registry.stop()
  expect((await promotions()).map(({ version, rollback }) => [version, rollback])).toEqual([
    [2, undefined],
    [1, true],
    [2, undefined],
    [1, true],
  ])
})

test('the time is over while the service is down: what was reported in time counts', async () => {
  await promote({ within_ms: 1_500 })
  const promoted = await on()
  await day.registry.kill()
  await two()[0].active(promoted)
  await two()[1].active(promoted)
  const over = Date.now() + 1_600
  await until(
    'the time is over',
    DEADLINE_MS,
    () => Date.now(),
    (now) => now > over,
  )
  await day.startRegistry()
  await untilEqual(
    'both active',
    DEADLINE_MS,
    async () => (await bus.ask<{ active: [] }>('fleet', { assistant_id })).active.length,
    2,
  )
  await afterAnotherVerdict(1)
  expect(await version()).toBe(2)
})

test.each([
  [{ within_ms: 0 }, 'guard/within_ms'],
  [{}, 'guard/within_ms'],
  [{ within_ms: 10, min_active: '101%' }, 'guard/min_active'],
  [{ within_ms: 10, min_active: '0%' }, 'guard/min_active'],
  [{ within_ms: 10, min_active: 2 }, 'guard/min_active'],
  [{ within_ms: 1e300 }, 'guard/within_ms'],
  [{ within_ms: 10, on_reject: 'explode' }, 'guard/on_reject'],
  [{ within_ms: 10, more: 1 }, 'guard'],
])('the guard %j is refused by name', async (guard, field) => {
  const { body } = await bus.send('promote', { assistant_id, version: 2, guard })
  expect(body).toMatchObject({ code: 'invalid-request', field })
})
