// The lead of what is recorded and judged goes from one replica to the other and back: frozen, killed, or with nobody to
// lead for a while. What runners do meanwhile is recorded once, and a guard that breaks takes its promotion back once.
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { readBucket } from '../faults/records.js'
import { until, untilEqual } from '../faults/until.js'
import { type On, TestRunner } from '../fleet/runner.js'
import { type BusClient, busClient } from '../support/bus.js'
import type { RegistryProcess } from '../support/registry.js'
import { type Grown, growOut } from './grown.js'

jest.setTimeout(180_000)

const DEADLINE_MS = 30_000
/** A guard whose time is not over in these tests: a refusal breaks it. */
const GUARD = { min_active: '100%', within_ms: 600_000, on_reject: 'rollback' }

let grown: Grown
let bus: BusClient
let logId: string
const runners: TestRunner[] = []
beforeEach(async () => {
  grown = await growOut({ replicas: 2 })
  bus = busClient(grown.connection)
  await bus.ask('create', { graph_id: 'writer' })
  const { answer } = await until(
    'a key',
    DEADLINE_MS,
    () => readBucket(grown.connection),
    ({ size }) => size > 0,
  )
  logId = [...answer.values()][0]?.log_id as string
})
afterEach(async () => {
  for (const runner of runners.splice(0)) runner.silence()
  for (const replica of grown.replicas) process.kill(replica.pid, 'SIGCONT')
  await grown.end()
})

function come(name: string): TestRunner {
  const runner = new TestRunner(grown.connection, { name, logId }).come()
  runners.push(runner)
  return runner
}

const present = async () =>
  (await bus.ask<{ runner: string }[]>('fleet', {})).map(({ runner }) => runner).sort()

const untilPresent = (...names: string[]) => untilEqual('who is there', DEADLINE_MS, present, names.sort())

async function publishing(): Promise<RegistryProcess> {
  const leader = () => grown.leader('publication')
  const { answer } = await until('a leader', DEADLINE_MS, leader, (one) => one !== undefined)
  return answer as RegistryProcess
}

/** Who came and went by the log, by name, in order; and why. */
async function stays(): Promise<string[]> {
  const events = await grown.readLog()
  return events.flatMap(({ type, data }) => {
    const { runners: all } = data as { runners?: { runner: string; reason?: string }[] }
    if (type === 'RunnersJoined') return (all ?? []).map(({ runner }) => `${runner} joined`)
    if (type === 'RunnersLeft') return (all ?? []).map(({ runner, reason }) => `${runner} left ${reason}`)
    return []
  })
}

/** An assistant whose second version is promoted with the guard. */
async function guarded(): Promise<On> {
  const { assistant_id } = await bus.ask('create', { graph_id: 'writer' })
  await bus.ask('update', { assistant_id, name: 'two', promote: false })
  await bus.ask('promote', { assistant_id, version: 2, guard: GUARD })
  return bus.ask<On>('fleet', { assistant_id })
}

const versionOf = async (assistant_id: string) => (await bus.ask('get', { assistant_id })).version

const BLOWS: Record<string, (leader: RegistryProcess) => Promise<void>> = {
  'frozen first': async ({ pid }) => void process.kill(pid, 'SIGSTOP'),
  'frozen, and the first again': async ({ pid }) => void process.kill(pid, 'SIGSTOP'),
  killed: (leader) => grown.kill(leader),
}

test('the lead goes to and fro while guards break and runners come and go', async () => {
  const [eu, us] = [come('eu'), come('us')]
  const promotions: string[] = []
  for (const [blow, strike] of Object.entries(BLOWS)) {
    const on = await guarded()
    promotions.push(on.assistant_id)
    const visitor = come(`visitor-${promotions.length}`)
    await untilPresent('eu', 'us', visitor.name)
    await eu.active(on)
    const leader = await publishing()
    await us.rejects(on, blow)
    await strike(leader)
    const other = await grown.otherLeader('publication', leader)
    const lines = other.said().length
    if (grown.replicas.has(leader)) process.kill(leader.pid, 'SIGCONT')
    await untilEqual(`the way back: ${blow}`, DEADLINE_MS, () => versionOf(on.assistant_id), 1)
    visitor.close()
    await untilPresent('eu', 'us')
    // What others recorded meanwhile is no surprise to whoever leads again.
    expect(other.said().slice(lines)).not.toContain('gives up the lead of the publication')
  }
  const events = await grown.readLog()
  const back = events.filter(({ data }) => (data as { rollback?: true }).rollback)
  expect(back.map(({ stream }) => stream).sort()).toEqual(
    promotions.map((id) => `assistant.default-${id}`).sort(),
  )
  expect((await stays()).sort()).toEqual([
    'eu joined',
    'us joined',
    ...promotions.flatMap((_, n) => [`visitor-${n + 1} joined`, `visitor-${n + 1} left closed`]),
  ])
})

test('who comes and who goes while nobody leads is recorded by whoever leads next', async () => {
  const [stays_on, goes] = [come('stays'), come('goes')]
  await untilPresent(stays_on.name, goes.name)
  const leader = await publishing()
  await grown.postgres.kill()
  const lost = () => /(lost|gives up) the lead of the publication/.test(leader.said())
  await until('nobody leads', DEADLINE_MS, lost, (so) => so)
  goes.close()
  come('comes')
  await grown.connection.flush()
  await grown.postgres.restart()
  await untilPresent('comes', stays_on.name)
  expect((await stays()).sort()).toEqual(['comes joined', 'goes joined', 'goes left closed', 'stays joined'])
})
