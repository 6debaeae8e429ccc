// Every alert rule is made to fire, by what it is about, from the metrics of a real service; and none while all is well.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { assistantStream } from '@assistant-ledger/assistant'
import { ensureAssets } from '@assistant-ledger/change-feed'
import { openEmbeddedLog } from '@assistant-ledger/event-log'
import { afterEach, expect, jest, test } from '@jest/globals'
import { connect } from '@nats-io/transport-node'
import Database from 'better-sqlite3'
import { OPEN } from '../../apps/registry/src/auth/authorizer.js'
import { Digests } from '../../apps/registry/src/fleet/digests.js'
import { FleetLog } from '../../apps/registry/src/fleet/record.js'
import { Reports } from '../../apps/registry/src/fleet/reports.js'
import { Api } from '../../apps/registry/src/http/api.js'
import { startHttp } from '../../apps/registry/src/http/application.js'
import { observe } from '../../apps/registry/src/observability/observe.js'
import { observed } from '../../apps/registry/src/observability/observed.js'
import { openLedger } from '../../apps/registry/src/roles/ledger.js'
import { beginDay, type Day } from '../faults/day.js'
import { readBucket } from '../faults/records.js'
import { until } from '../faults/until.js'
import { type On, TestRunner } from '../fleet/runner.js'
import { openParts, PROJECT } from '../registry/parts.js'
import { busClient } from '../support/bus.js'
import { launchRegistry } from '../support/registry.js'
import { firing, holding, promtool, readRules } from './rules.js'
import { freePort, type Scrape, scrape, valueIn } from './scrape.js'

jest.setTimeout(150_000)

const DEADLINE_MS = 40_000
/** Commands of one assistant, decided one after the other: more than may wait. */
const FLOOD = 1_500
/** NATS keeps 20 reports of one runner on one assistant. */
const REPORTERS = 10
const REPORTS_EACH = 15

const ends: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const fired = new Set<string>()

/** These alerts fire by what is seen now, and did not when all was well. */
function expectFiring(well: Scrape, now: Scrape, alerts: readonly string[]): void {
  expect(holding({ well, now: well })).toEqual([])
  expect(holding({ well, now })).toEqual(expect.arrayContaining([...alerts]))
  const program = promtool()
  if (program) {
    expect(firing(program, { well, now: well }, alerts)).toEqual([])
    expect(firing(program, { well, now }, alerts)).toEqual(alerts)
  }
  for (const alert of alerts) fired.add(alert)
}

const seen = async (url: string, what: string, accept: (scraped: Scrape) => boolean) =>
  (await until(what, DEADLINE_MS, () => scrape(url), accept)).answer

/** All roles are active and what was written is published. */
const isWell = (scraped: Scrape) =>
  ['projection', 'publication'].every((role) => valueIn(scraped, 'ledger_lead', { role }) === 1) &&
  valueIn(scraped, 'ledger_publication_up') === 1 &&
  valueIn(scraped, 'ledger_publication_lag_seconds') === 0

async function begin(): Promise<{ day: Day; url: string; well: Scrape; env: Record<string, string> }> {
  const day = await beginDay({ registry: false })
  ends.push(() => day.end())
  const env = { PORT: String(await freePort()) }
  await day.startRegistry(env)
  const url = `http://127.0.0.1:${env.PORT}`
  return { day, url, env, well: await seen(url, 'a service that is well', isWell) }
}

/** A server on the same port, without JetStream. */
async function natsWithoutJetStream(port: number): Promise<ChildProcess> {
  const program = process.env.NATS_SERVER_BIN || 'nats-server'
  const server = spawn(program, ['-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  const exit = once(server, 'exit')
  ends.push(async () => {
    server.kill('SIGKILL')
    await exit
  })
  return server
}

test('a refusal and a broken guard; JetStream gone, then NATS, then the replica', async () => {
  const { day, url, well } = await begin()
  const bus = busClient(day.connection)
  const { assistant_id } = await bus.ask('create', { graph_id: 'writer' })
  await day.follow('follower')
  const { answer } = await until(
    'a key',
    DEADLINE_MS,
    () => readBucket(day.connection),
    ({ size }) => size > 0,
  )
  const logId = [...answer.values()][0]?.log_id as string
  const runner = new TestRunner(day.connection, { name: 'eu', logId }).come()
  ends.push(() => runner.silence())
  const runners = () => bus.ask<object[]>('fleet', {})
  await until('the runners there', DEADLINE_MS, runners, ({ length }) => length === 2)

  await bus.ask('update', { assistant_id, name: 'v2', promote: false })
  await bus.ask('promote', { assistant_id, version: 2, guard: { within_ms: 60_000 } })
  await runner.rejects(await bus.ask<On>('fleet', { assistant_id }), 'not here')
  const refused = await seen(
    url,
    'the way back',
    (one) => valueIn(one, 'ledger_guard_rollbacks_total', { environment: 'live' }) === 1,
  )
  expectFiring(well, refused, ['LedgerRunnersReject', 'LedgerGuardRolledBack'])

  await day.nats.kill()
  const plain = await natsWithoutJetStream(day.nats.port)
  const updated = () => bus.send('update', { assistant_id, name: 'later' })
  await until('a command without JetStream', DEADLINE_MS, updated, ({ status }) => status === 200)
  const late = await seen(
    url,
    'publication behind and a watermark that is old',
    (one) =>
      (valueIn(one, 'ledger_publication_lag_seconds') ?? 0) > 10 &&
      (valueIn(one, 'ledger_watermark_age_seconds') ?? 0) > 15 &&
      valueIn(one, 'ledger_runners', { environment: 'live', state: 'stale' }) === 1,
  )
  expectFiring(well, late, ['LedgerPublicationLags', 'LedgerWatermarkOld', 'LedgerRunnersLag'])

  plain.kill('SIGKILL')
  const away = await seen(url, 'NATS away', (one) => valueIn(one, 'ledger_bus_connected') === 0)
  expectFiring(well, away, ['LedgerBusAway'])

  await day.registry.kill()
  expectFiring(well, await scrape(url), ['LedgerReplicaAway'])
})

test('more commands than may wait', async () => {
  const { day, url, well } = await begin()
  const { assistant_id } = await busClient(day.connection).ask('create', { graph_id: 'writer' })
  const update = JSON.stringify({ assistant_id, promote: false })
  for (let i = 0; i < FLOOD; i++) day.connection.publish('assistants.v1.default.update', update)
  const flooded = await seen(
    url,
    'commands that are turned away',
    (one) => (valueIn(one, 'ledger_commands_total', { verb: 'update', outcome: 'busy' }) ?? 0) > 0,
  )
  expectFiring(well, flooded, ['LedgerBusBusy'])
  // It would answer all that it has taken first.
  await day.registry.kill()
})

test('a stream with an event of a newer schema', async () => {
  const { day, url, env, well } = await begin()
  const { assistant_id } = await busClient(day.connection).ask('create', { graph_id: 'writer' })
  await day.registry.stop()
  const log = await openEmbeddedLog({ file: join(day.dataDir, 'log.db') })
  const metadata = { schema: 99, commandId: 'c', commandHash: 'h', actor: {}, at: '', hash: '' }
  const id = '00000000-0000-4000-8000-0000000000ff'
  await log.append(assistantStream(PROJECT, assistant_id), 0n, [
    { id, type: 'ConfigChanged', data: {}, metadata },
  ])
  await log.close()
  await day.startRegistry(env)
  const now = await seen(url, 'a quarantine', (one) => valueIn(one, 'ledger_quarantined_streams') === 1)
  expectFiring(well, now, ['LedgerStreamQuarantined'])

  const ready = await fetch(`${url}/health/ready`)
  expect(ready.status).toBe(200)
  expect(await ready.json()).toMatchObject({
    status: 'degraded',
    details: { read_model: { word: 'quarantined', quarantined: [{ revision: 1 }] } },
  })
})

test('nobody publishes, where there is no JetStream to publish to', async () => {
  const { well } = await begin()
  const natsPort = await freePort()
  await natsWithoutJetStream(natsPort)
  const port = await freePort()
  const registry = await launchRegistry({
    natsUrl: `nats://127.0.0.1:${natsPort}`,
    env: { PORT: String(port) },
  })
  ends.push(() => registry.stop())
  const url = `http://127.0.0.1:${port}`
  const waiting = await until(
    'readiness that says what is missing',
    DEADLINE_MS,
    async () => (await fetch(`${url}/health/ready`)).json() as Promise<{ details: Record<string, object> }>,
    ({ details }) => (details.publication as { word: string }).word === 'waiting',
  )
  expect(waiting.answer.details).toMatchObject({ service: { status: 'down', word: 'starting' } })
  expectFiring(well, await scrape(url), ['LedgerNobodyLeads'])
})

// The parts in this process: a registry of its own ends when its log or its projection is lost to it.
test('the projection stopped; the read database gone; the log gone, with reports on their way', async () => {
  const day = await beginDay({ registry: false })
  ends.push(() => day.end())
  const connection = await connect({ servers: day.nats.url })
  ends.push(() => connection.close())
  const parts = await openParts()
  ends.push(() => parts.close())
  const { log, model } = parts
  const ledger = await openLedger(log, PROJECT)
  const projection = parts.project()
  const { id } = await parts.commands().create()
  await ensureAssets(connection, PROJECT)
  const reports = new Reports({
    connection,
    project: PROJECT,
    log,
    model,
    fleetLog: new FleetLog(log, PROJECT),
    digests: new Digests(model.fleet),
    warn: () => {},
  })
  const stopping = new AbortController()
  const recording = reports.run(stopping.signal)
  ends.push(async () => {
    stopping.abort()
    await recording
  })
  ends.push(observe({ project: PROJECT, environments: ['live'] }))
  Object.assign(observed, { log, model })
  observed.fleet = { present: [], receiptsWaiting: 0, pendingReports: () => reports.pending() }
  // There is no bus here, which is another rule's affair.
  observed.bus = { isConnected: true, load: { running: 0, queued: 0 } }
  const port = await freePort()
  const http = await startHttp({ host: '127.0.0.1', port, portAsked: true }, new Api(OPEN))
  ends.push(() => http.close())
  const url = `http://127.0.0.1:${port}`
  const well = (
    await seen(url, 'the reports taken', (one) => valueIn(one, 'ledger_runner_reports_pending') === 0)
  )
    // Roles are begun by a registry's start.
    .filter(({ name }) => name !== 'ledger_lead')

  await projection.stop()
  await parts.commands().create()
  const behind = await seen(
    url,
    'a projection that is behind',
    (one) => (valueIn(one, 'ledger_projection_lag_seconds') ?? 0) > 10,
  )
  expectFiring(well, behind, ['LedgerProjectionLags'])

  const on = { assistant_id: id, revision: 0, generation: 1, version: 1, hash: 'a'.repeat(64) }
  await log.close()
  const runners = Array.from(
    { length: REPORTERS },
    (_, i) => new TestRunner(connection, { name: `eu-${i}`, logId: ledger.logId }),
  )
  const sent = runners.flatMap((runner) =>
    Array.from({ length: REPORTS_EACH }, (_, i) => runner.report(on, 'active', {}, `${runner.name} ${i}`)),
  )
  await Promise.all(sent)
  const spooled = await seen(
    url,
    'reports that nobody records',
    (one) =>
      (valueIn(one, 'ledger_runner_reports_pending') ?? 0) > 100 && valueIn(one, 'ledger_log_up') === 0,
  )
  expectFiring(well, spooled, ['LedgerLogAway', 'LedgerReportsSpool'])

  const database = new Database(join(parts.directory, 'read-model.db'))
  database.exec('DROP TABLE runner_stays')
  database.close()
  const lost = await seen(
    url,
    'a read database that is gone',
    (one) => valueIn(one, 'ledger_read_model_up') === 0,
  )
  expectFiring(well, lost, ['LedgerReadModelAway'])
})

test('no rule was left out', () => {
  expect([...fired].sort()).toEqual(
    readRules()
      .map(({ alert }) => alert)
      .sort(),
  )
})
