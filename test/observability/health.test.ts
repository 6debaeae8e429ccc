// Health over HTTP, against a real process: what is missing is named, and what that means; the port; and lines as JSON.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { connect } from '@nats-io/transport-node'
import { beginDay, type Day } from '../faults/day.js'
import { until } from '../faults/until.js'
import { TestRunner } from '../fleet/runner.js'
import { busClient } from '../support/bus.js'
import { launchRegistry } from '../support/registry.js'
import { readRules } from './rules.js'
import { freePort, scrape, valueIn } from './scrape.js'

jest.setTimeout(120_000)

const DEADLINE_MS = 30_000
/** What a command waits for a receipt that does not come: more than the command itself takes on a busy machine. */
const WAIT_MS = 5_000
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

let day: Day
let port: number
let url: string
beforeEach(async () => {
  day = await beginDay({ registry: false })
  port = await freePort()
  url = `http://127.0.0.1:${port}`
})
afterEach(() => day.end())

interface Ready {
  readonly code: number
  readonly status: string
  readonly details: Readonly<Record<string, { status: string; word: string; means: string }>>
}

async function ready(): Promise<Ready> {
  const answer = await fetch(`${url}/health/ready`)
  return { code: answer.status, ...((await answer.json()) as Omit<Ready, 'code'>) }
}

/** What the tables of docs/operations.md have in their first column, by how it begins. */
const documented = (begins: string) =>
  [...readFileSync('docs/operations.md', 'utf8').matchAll(/^\| `(\w+)`/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name.startsWith(begins))
    .sort()

const untilReady = (what: string, accept: (ready: Ready) => boolean) =>
  until(what, DEADLINE_MS, ready, accept).then(({ answer }) => answer)

const live = async () => (await fetch(`${url}/health/live`)).status

test('ready names what is missing, from a start without NATS over its loss to its return; live is live all the time', async () => {
  await day.nats.kill()
  const registry = await launchRegistry({
    natsUrl: day.nats.url,
    dataDir: day.dataDir,
    env: { PORT: String(port) },
  })
  day.defer(() => registry.stop())
  const waiting = await untilReady('a start that waits', ({ details }) => details.log?.status === 'up')
  expect(waiting).toMatchObject({
    code: 503,
    status: 'error',
    details: {
      service: { status: 'down', word: 'starting' },
      log: { status: 'up', word: 'there' },
      bus: { status: 'down', word: 'missing' },
    },
  })
  expect(await live()).toBe(200)

  await day.nats.restart()
  await registry.ready
  const well = await untilReady('a service that is ready', ({ status }) => status === 'ok')
  expect(well.code).toBe(200)
  expect(Object.entries(well.details).map(([name, { word }]) => [name, word])).toEqual([
    ['service', 'serving'],
    ['log', 'there'],
    ['read_model', 'current'],
    ['bus', 'connected'],
    ['publication', 'current'],
    ['fleet', 'recording'],
  ])
  for (const { means } of Object.values(well.details)) expect(means).toMatch(/^[a-zN].{10,}/)

  await day.nats.kill()
  const away = await untilReady('NATS away', ({ code }) => code === 503)
  expect(away.details).toMatchObject({ service: { status: 'up' }, bus: { status: 'down', word: 'away' } })
  const heldUp = await untilReady(
    'publication held up',
    ({ details }) => details.publication?.status !== 'up',
  )
  expect(heldUp.details.publication).toMatchObject({ status: 'degraded' })
  expect(await live()).toBe(200)

  await day.nats.restart()
  await untilReady('ready again', ({ code, status }) => code === 200 && status === 'ok')
})

test('commands and queries are counted by what became of them', async () => {
  await day.startRegistry({ PORT: String(port) })
  const bus = busClient(day.connection)
  const { assistant_id } = await bus.ask('create', { graph_id: 'writer' })
  await bus.send('create', { graph_id: 'writer', assistant_id })
  await bus.send('create', { graph_id: 1 })
  await bus.send('get', { assistant_id })
  await bus.send('no-such-verb', {})
  const seen = await scrape(url)
  const commands = (verb: string, outcome: string) =>
    valueIn(seen, 'ledger_commands_total', { verb, outcome })
  expect([commands('create', 'ok'), commands('create', 'already-exists')]).toEqual([1, 1])
  expect(commands('create', 'invalid-request')).toBe(1)
  const queries = (verb: string, outcome: string) => valueIn(seen, 'ledger_queries_total', { verb, outcome })
  expect([queries('get', 'ok'), queries('unknown', 'unknown-verb')]).toEqual([1, 1])
  const counted = (name: string, labels = {}) => valueIn(seen, `${name}_count`, labels)
  expect(counted('ledger_command_duration_seconds', { verb: 'create' })).toBe(3)
  expect(counted('ledger_query_duration_seconds', { verb: 'get' })).toBe(1)
  const told = await (await fetch(`${url}/metrics`)).text()
  const names = [...told.matchAll(/^# HELP (ledger_\w+) /gm)].map(([, name]) => name)
  expect(documented('ledger_')).toEqual(names.sort())
  expect(documented('Ledger')).toEqual(
    readRules()
      .map(({ alert }) => alert)
      .sort(),
  )

  // The ledger's opening, the system assistant's and this one.
  expect(counted('ledger_append_duration_seconds', { outcome: 'ok' })).toBe(3)
  expect(counted('ledger_read_model_wait_seconds', { outcome: 'shown' })).toBe(2)
})

test('a wait for a receipt is counted while it lasts, and not as the time of the command', async () => {
  await day.startRegistry({ PORT: String(port) })
  const bus = busClient(day.connection)
  const { assistant_id } = await bus.ask('create', { graph_id: 'writer' })
  // It is there and says nothing of what it holds.
  const runner = new TestRunner(day.connection, { name: 'mute', logId: 'any' }).come()
  day.defer(() => runner.silence())
  const runners = () => bus.ask<object[]>('fleet', {})
  await until('the runner there', DEADLINE_MS, runners, ({ length }) => length === 1)
  const asked = bus.ask('update', { assistant_id, name: 'two', wait: 'converged', wait_ms: WAIT_MS })
  const waiting = async () => valueIn(await scrape(url), 'ledger_receipts_waiting')
  await until('a wait', DEADLINE_MS, waiting, (count) => count === 1)
  await asked
  const seen = await scrape(url)
  expect(valueIn(seen, 'ledger_receipts_waiting')).toBe(0)
  expect(valueIn(seen, 'ledger_receipts_total', { outcome: 'lagging' })).toBe(1)
  expect(valueIn(seen, 'ledger_runners', { environment: 'live', state: 'live' })).toBe(1)
  expect(valueIn(seen, 'ledger_command_duration_seconds_sum', { verb: 'update' })).toBeLessThan(
    WAIT_MS / 1000,
  )
})

test('a port that was asked for and is taken stops the start with one line', async () => {
  const taken = createServer().listen(port, '127.0.0.1')
  day.defer(() => new Promise((resolve) => taken.close(resolve)))
  const registry = await launchRegistry({
    natsUrl: day.nats.url,
    dataDir: day.dataDir,
    env: { PORT: String(port) },
  })
  expect(await registry.exited()).toBe(1)
  expect(registry.said().split('\n')).toEqual([expect.stringMatching(`PORT ${port} is in use`)])
})

test('a default port that is taken gives way to the next free one, and the start says so', async () => {
  const taken = createServer()
  // Whoever has it already will do as well.
  await new Promise<void>((resolve) => {
    taken.once('error', () => resolve())
    taken.listen(8123, '127.0.0.1', resolve)
  })
  day.defer(() => new Promise((resolve) => taken.close(() => resolve(undefined))))
  const registry = await day.startRegistry()
  const [, where, inUse] = /HTTP (\S+) \(port (\d+) is in use\)/.exec(registry.said()) ?? []
  expect(inUse).toBe('8123')
  expect((await fetch(`${where}/health/live`)).status).toBe(200)
})

test('lines are JSON when that is asked for, and those of a request have its correlation id', async () => {
  const registry = await launchRegistry({
    natsUrl: day.nats.url,
    dataDir: day.dataDir,
    env: { PORT: String(port), LOG_FORMAT: 'json', LOG_LEVEL: 'debug' },
  })
  day.defer(() => registry.stop())
  await untilReady('a service that is ready', ({ code }) => code === 200)
  const connection = await connect({ servers: day.nats.url })
  day.defer(() => connection.close())
  const bus = busClient(connection)
  await bus.ask('create', { graph_id: 'writer' }, { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` })
  await bus.send('create', { graph_id: 'nope' })
  await bus.send('count', {}, { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` })
  const lines = () =>
    registry
      .said()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  const of = (verb: string) => lines().filter((line) => line.verb === verb)
  await until(
    'the last line',
    DEADLINE_MS,
    () => of('count').length,
    (count) => count === 1,
  )
  expect(of('create')).toMatchObject([
    { level: 'debug', part: 'registry', project: 'default', outcome: 'ok', correlation_id: TRACE },
    { outcome: 'graph-not-found', correlation_id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
  ])
  expect(of('count')).toMatchObject([{ outcome: 'ok', correlation_id: TRACE }])
  expect(lines().map(({ msg }) => msg)).toContainEqual(expect.stringMatching(/^ready: project default/))
})

test.each([{ LOG_FORMAT: 'xml' }, { LOG_LEVEL: 'loud' }])(
  'a bad setting stops the start: %j',
  async (env) => {
    const registry = await launchRegistry({ natsUrl: day.nats.url, dataDir: day.dataDir, env })
    expect(await registry.exited()).toBe(1)
    expect(registry.said().split('\n')).toEqual([expect.stringContaining(Object.keys(env)[0] as string)])
  },
)
