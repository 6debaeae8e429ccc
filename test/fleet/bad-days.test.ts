// The fleet on bad days, with real runners: killed right after a swap, frozen and thawed, reports lost, NATS away
// for a minute, and a thousand that come back at once.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { jetstreamManager } from '@nats-io/jetstream'
import { beginDay, type Day, type Follower } from '../faults/day.js'
import { BUCKET, readLog } from '../faults/records.js'
import { until, untilEqual } from '../faults/until.js'
import { type Assistant, type BusClient, busClient } from '../support/bus.js'

jest.setTimeout(240_000)

const DEADLINE_MS = 20_000
/** Silent for 15 s, a runner is gone; a look every second finds that out. */
const GONE_WITHIN_MS = 25_000
const OUTAGE_MS = 60_000
const MANY = 1_000
const CONNECTING = 50
/** While a thousand come back, a get still answers within this. */
const RESPONSIVE_MS = 2_000
const RUNNER = join(process.cwd(), 'apps', 'runner', 'dist', 'main.js')
const ACKS = 'RUNNER_ACKS_default'

interface Standing {
  readonly version: number
  readonly of: number
  readonly active: { runner: string; instance: string }[]
  readonly lagging: { runner: string }[]
}
type Receipted = Assistant & { readonly receipt: { active: number; of: number; lagging: string[] } }

let day: Day
let bus: BusClient
let assistant_id: string

beforeEach(async () => {
  day = await beginDay()
  bus = busClient(day.connection)
  ;({ assistant_id } = await bus.ask('create', {
    graph_id: 'writer',
    context: { prompt: 'Write.', model: 'sample-swift' },
  }))
})
afterEach(() => day.end())

const standing = () => bus.ask<Standing>('fleet', { assistant_id })
const names = async () => (await standing()).active.map(({ runner }) => runner).sort()
const promote = (more: object = {}) => bus.ask<Receipted>('update', { assistant_id, name: 'next', ...more })

/** A runner's process, and the lines that it prints. */
async function startRunner(name: string) {
  const child = spawn(process.execPath, [RUNNER], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      NATS_URL: day.nats.url,
      RUNNER_NAME: name,
      GRAPHS: 'writer',
      CACHE_DIR: join(day.dataDir, 'runner-cache'),
    },
  })
  day.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const lines: string[] = []
  const listeners = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    for (const listen of listeners) listen()
  })
  const said = (text: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (lines.some((line) => line.includes(text))) resolve()
      }
      listeners.add(look)
      look()
    })
  await said('"live"')
  return { child, said }
}

async function followers(count: number): Promise<Follower[]> {
  const all: Follower[] = []
  while (all.length < count) {
    const some = Array.from({ length: Math.min(CONNECTING, count - all.length) }, (_, i) => all.length + i)
    const options = { assistants: [assistant_id], initTimeoutMs: 60_000 }
    all.push(...(await Promise.all(some.map((n) => day.follow(`runner-${n}`, options)))))
  }
  await until('all active', 120_000, standing, ({ active }) => active.length === count)
  return all
}

test('killed right after a swap: gone, and measured again when it comes back', async () => {
  const first = await startRunner('one')
  await untilEqual('active', DEADLINE_MS, names, ['one'])
  const { version } = await promote()
  await first.said(`@1.${version}#`)
  first.child.kill('SIGKILL')
  const again = await startRunner('one')
  await again.said(`@1.${version}#`)
  const { answer } = await until('one runner, active', GONE_WITHIN_MS, standing, ({ of, active }) => {
    return of === 1 && active.length === 1
  })
  expect(answer.version).toBe(version)
})

test('frozen it lags, then is gone; thawed it counts again, on what was promoted meanwhile', async () => {
  const { child } = await startRunner('frozen')
  await untilEqual('active', DEADLINE_MS, names, ['frozen'])
  child.kill('SIGSTOP')
  const { receipt, version } = await promote({ wait: 'converged', wait_ms: 1_000 })
  expect(receipt).toMatchObject({ active: 0, of: 1, lagging: ['frozen'] })
  await until('nobody there', GONE_WITHIN_MS, standing, ({ of }) => of === 0)
  child.kill('SIGCONT')
  const { answer } = await until('active again', DEADLINE_MS, standing, ({ active }) => active.length === 1)
  expect(answer.version).toBe(version)
})

test('reports that were lost with their stream are made again', async () => {
  await day.follow('one')
  await untilEqual('active', DEADLINE_MS, names, ['one'])
  await day.registry.stop()
  const manager = await jetstreamManager(day.connection)
  await day.startRegistry()
  await day.registry.kill()
  // Nobody records while these are made, and then they are gone.
  const { num_pending } = await manager.consumers.info(ACKS, 'registry')
  expect(num_pending).toBe(0)
  await manager.streams.delete(ACKS)
  const other = await day.follow('two')
  expect(other.list().map(({ id }) => id)).toContain(assistant_id)
  await day.startRegistry()
  await untilEqual('both active', 40_000, names, ['one', 'two'])
})

test('NATS away for a minute under 50 runners: nobody is gone, all converge, and each report is there once', async () => {
  const all = await followers(50)
  const swapped = promote()
  await swapped
  await day.nats.kill()
  const back = performance.now() + OUTAGE_MS
  await until(
    'the end of the outage',
    OUTAGE_MS * 2,
    () => performance.now(),
    (now) => now > back,
  )
  await day.nats.restart()
  await until('all active', 60_000, standing, ({ version, active }) => version === 2 && active.length === 50)
  const { receipt } = await promote({ wait: 'converged', wait_ms: 30_000 })
  expect(receipt).toMatchObject({ active: 50, of: 50 })
  await Promise.all(all.map((one) => one.close()))
  await until('all gone', GONE_WITHIN_MS, standing, ({ of }) => of === 0)
  await day.registry.stop()
  const events = await readLog(day.dataDir)
  const left = events.filter(({ type }) => type === 'RunnersLeft')
  const reasons = left.flatMap(({ data }) =>
    (data as { runners: { reason: string }[] }).runners.map((r) => r.reason),
  )
  expect(new Set(reasons)).toEqual(new Set(['closed']))
  const reports = events
    .filter(({ type, stream }) => type === 'RunnersReported' && stream.endsWith(assistant_id))
    .flatMap(
      ({ data }) => (data as { reports: { instance: string; revision: number; status: string }[] }).reports,
    )
    .map(({ instance, revision, status }) => `${instance} ${revision} ${status}`)
  expect(new Set(reports).size).toBe(reports.length)
})

test(`${MANY} runners that come back at once leave the service responsive and no consumer behind`, async () => {
  const all = await followers(MANY)
  await day.nats.restart()
  const took: number[] = []
  const { answer } = await until(
    'all live again',
    120_000,
    async () => {
      const from = performance.now()
      await bus.ask('get', { assistant_id })
      took.push(performance.now() - from)
      return all.filter((one) => one.status().state === 'live').length
    },
    (live) => live === MANY,
  )
  expect(answer).toBe(MANY)
  expect(Math.max(...took.slice(1))).toBeLessThan(RESPONSIVE_MS)
  const { receipt } = await promote({ wait: 'converged', wait_ms: 60_000 })
  expect(receipt).toMatchObject({ active: MANY, of: MANY })
  const manager = await jetstreamManager(day.connection)
  const consumers = async () => (await manager.streams.info(BUCKET)).state.consumer_count
  expect(await consumers()).toBeLessThanOrEqual(MANY)
  for (let next = 0; next < all.length; next += CONNECTING)
    await Promise.all(all.slice(next, next + CONNECTING).map((one) => one.close()))
  await untilEqual('no consumer left', 60_000, consumers, 0)
})
