// The service past one machine, end to end over the bus: EventStoreDB, PostgreSQL and one registry replica, then more
// of them. What a replica has of a core and in memory is said with each figure: on one machine, more replicas share it.
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { EventStoreDBClient } from '@eventstore/db-client'
import { connect } from '@nats-io/transport-node'
import { startNatsServer } from '../support/nats-server.js'
import { startPostgres } from '../support/postgres.js'
import { type RegistryProcess, startRegistry } from '../support/registry.js'
import { rawAppend, startStore } from './event-store.js'
import { type Figure, paired, pump, type Report, show } from './measure.js'
import { cpuSeconds, residentMiB } from './processes.js'
import { rawRequests } from './raw.js'
import { request } from './request.js'
import { sampleContent, sampleId, TEAMS } from './samples.js'

const ASSISTANTS = 1_000
const COUNTS = new Map([
  [1, 50],
  [8, 250],
  [64, 800],
])
const CREATES = 800
const GETS = 2_000
const REPLICAS = 3
/** Until what was written is published as well, and for how long the cost at rest is measured then. */
const REST_MS = 4_000

export async function benchGrown(report: Report): Promise<void> {
  const store = await startStore()
  const postgres = await startPostgres()
  const nats = await startNatsServer()
  const project = `bench_${randomUUID().slice(0, 8)}`
  const env = { PROJECT: project, EVENTSTORE_URL: store.url, DATABASE_URL: postgres.url }
  const replicas: RegistryProcess[] = []
  const connection = await connect({ servers: nats.url })
  const bare = EventStoreDBClient.connectionString(store.url)
  const ask = (verb: string, body: object) => request(connection, `assistants.v1.${project}.${verb}`, body)
  let made = 0
  const create = () => {
    const number = made++
    return ask('create', { ...sampleContent(number, 1), assistant_id: sampleId(number) })
  }
  const get = (index: number) => ask('get', { assistant_id: sampleId((index * 7919) % ASSISTANTS) })
  const search = (index: number) => ask('search', { metadata: { team: `team-${index % TEAMS}` } })
  /** With the seconds of a core that all replicas had for each call. */
  const costing = async (run: () => Promise<Figure>, count: number) => {
    const had = () => Promise.all(replicas.map(({ pid }) => cpuSeconds(pid)))
    const before = sum(await had())
    const figure = await run()
    return { figure, cpu_ms: ((sum(await had()) - before) * 1000) / count }
  }
  try {
    replicas.push(await startRegistry({ natsUrl: nats.url, env }))
    await pump(ASSISTANTS, 64, create)
    await pump(1000, 64, get)
    const raw = rawAppend(bare, project)
    for (const [inFlight, count] of COUNTS) {
      const pair = await paired(
        () => pump(count, inFlight, create),
        () => pump(count, inFlight, raw),
      )
      report.keep(`grown_create_${inFlight}`, { store: store.kind, ...pair })
      report.row({
        section: 'grown',
        name: `create, 1 replica, ${inFlight} in flight, ${store.kind}`,
        figure: show(pair.ours),
        raw: `${show(pair.raw)} (bare append)`,
        ratio: pair.ratio,
        spread: pair.spread,
      })
    }
    const reply = await get(0)
    const got = await paired(
      () => pump(GETS, 64, get),
      () => rawRequests(nats.url, GETS, 64, { assistant_id: sampleId(0) }, reply),
    )
    report.keep('grown_get', got)
    report.row({
      section: 'grown',
      name: 'get, 1 replica, 64 in flight',
      figure: show(got.ours),
      raw: show(got.raw),
      ratio: got.ratio,
      spread: got.spread,
    })
    await pump(100, 8, search)
    const searched = await pump(1000, 8, search)
    report.keep('grown_search', searched)
    report.row({ section: 'grown', name: 'search 1 %, 1 replica, 8 in flight', figure: show(searched) })
    for (;;) {
      const created = await costing(() => pump(CREATES, 64, create), CREATES)
      const read = await costing(() => pump(GETS, 64, get), GETS)
      await setTimeout(REST_MS)
      const rest = await atRest(replicas)
      report.keep(`grown_replicas_${replicas.length}`, { created, read, rest })
      report.row({
        section: 'grown',
        name: `${replicas.length} replica(s), create / get, 64 in flight`,
        figure: `${Math.round(created.figure.per_second)}/s / ${Math.round(read.figure.per_second)}/s`,
        raw: `${created.cpu_ms.toFixed(2)} / ${read.cpu_ms.toFixed(2)} ms of a core a call`,
      })
      report.row({
        section: 'grown',
        name: `${replicas.length} replica(s) at rest, first to last`,
        figure: rest.map(({ cpu }) => `${(cpu * 100).toFixed(1)} %`).join(', '),
        raw: rest.map(({ mib }) => `${mib.toFixed(0)} MiB`).join(', '),
      })
      if (replicas.length === REPLICAS) break
      replicas.push(await startRegistry({ natsUrl: nats.url, env }))
    }
  } finally {
    await bare.dispose()
    await connection.close()
    for (const replica of replicas.reverse()) await replica.stop()
    await Promise.all([nats.stop(), postgres.stop(), store.stop()])
  }
}

/** Of each replica, the share of a core that it takes when nobody asks, and its memory. */
async function atRest(replicas: readonly RegistryProcess[]) {
  const before = await Promise.all(replicas.map(({ pid }) => cpuSeconds(pid)))
  const began = performance.now()
  await setTimeout(REST_MS)
  const seconds = (performance.now() - began) / 1000
  return Promise.all(
    replicas.map(async ({ pid }, index) => ({
      cpu: ((await cpuSeconds(pid)) - (before[index] as number)) / seconds,
      mib: await residentMiB(pid),
    })),
  )
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
