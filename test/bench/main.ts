// npm run bench: every figure beside its raw limit in the same run. Absolute figures belong to the machine that is
// printed with them; the ratios are what is comparable.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedLog } from '@assistant-ledger/event-log'
import { openReadModel, Projection } from '@assistant-ledger/read-model'
import { connect } from '@nats-io/transport-node'
import { startNatsServer } from '../support/nats-server.js'
import { startRegistry } from '../support/registry.js'
import { benchAge, benchCommands } from './commands.js'
import { generateLog } from './generate.js'
import { generateReceipts } from './generate-receipts.js'
import { ms, Report } from './measure.js'
import { benchQueries, compareSizes, type QueryFigures } from './queries.js'
import { benchHistory, benchReceipts } from './receipts.js'
import { ask, atRest } from './request.js'
import { sampleId } from './samples.js'
import { benchSwap } from './swap.js'

const PROJECT = 'default'
const quick = process.argv.includes('--quick')
const report = new Report()

/** A NATS server and a registry over a data directory of its own, gone afterwards. */
async function withService(
  prepare: (dataDir: string) => Promise<void>,
  run: (service: Service) => Promise<void>,
) {
  const dataDir = await mkdtemp(join(tmpdir(), 'assistant-ledger-bench-'))
  const nats = await startNatsServer()
  try {
    await prepare(dataDir)
    const start = () => startRegistry({ natsUrl: nats.url, dataDir })
    let registry = await start()
    const connection = await connect({ servers: nats.url })
    await atRest(connection)
    const restart = async () => {
      await registry.stop()
      const from = performance.now()
      registry = await start()
      return performance.now() - from
    }
    try {
      await run({ url: nats.url, dataDir, connection, restart, pid: () => registry.pid })
    } finally {
      await connection.close()
      await registry.stop()
    }
  } finally {
    await nats.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

interface Service {
  readonly url: string
  readonly dataDir: string
  readonly connection: Awaited<ReturnType<typeof connect>>
  /** Stops and starts the registry; milliseconds until it was ready again. */
  restart(): Promise<number>
  pid(): number
}

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024
}

async function memory(name: string, service: Service) {
  const mib = await residentMiB(service.pid())
  report.keep(`memory_${name}`, mib)
  report.row({ section: 'memory', name: `registry resident, ${name}`, figure: `${mib.toFixed(0)} MiB` })
}

async function rebuild(dataDir: string, events: number) {
  const log = await openEmbeddedLog({ file: join(dataDir, 'log.db') })
  const file = join(dataDir, 'rebuilt.db')
  const model = await openReadModel({ file, project: PROJECT })
  const stop = new AbortController()
  const from = performance.now()
  const running = new Projection(log, model, { project: PROJECT }).run(stop.signal)
  await model.reached(await log.head(), 600_000)
  const per_second = (events * 1000) / (performance.now() - from)
  stop.abort()
  await running
  await model.close()
  await log.close()
  report.keep('rebuild', { events, per_second })
  report.row({
    section: 'rebuild',
    name: `read model from ${events} events`,
    figure: `${Math.round(per_second)} events/s`,
    aim: '>= 20000/s',
    met: per_second >= 20_000,
  })
  await rm(file, { force: true })
}

const started = performance.now()
const [cpu] = cpus()
console.log(
  `${cpus().length} x ${cpu?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
)
console.log('content 2 KiB; figures are calls/s and p50/p95/p99; beside them the raw limit of the same run\n')

let small: QueryFigures | undefined
let events = 0
await withService(
  async (dataDir) => {
    events = await generateLog(join(dataDir, 'log.db'), PROJECT, { assistants: 1000, versions: 1 })
  },
  async (service) => {
    small = await benchQueries(report, service.url, service.connection, 1000)
    for (const runners of [1, 100]) await benchSwap(report, service.url, service.connection, runners)
    const took = await service.restart()
    report.keep('start_1000', took)
    report.row({ section: 'start', name: `with ${events} events and more`, figure: `${ms(took)} ms` })
    await benchCommands(report, service.url, service.dataDir, service.connection)
    await memory('after the commands', service)
  },
)

await withService(
  async (dataDir) => {
    await generateLog(join(dataDir, 'log.db'), PROJECT, { assistants: 2, versions: 5 })
  },
  async ({ connection, ...service }) => {
    const [young, old] = [sampleId(0), sampleId(1)]
    for (let version = 5; version < 10_000; version++)
      await ask(connection, 'update', { assistant_id: old, metadata: { version } })
    await benchAge(report, connection, young, old, 'running')
    await service.restart()
    await benchAge(report, connection, young, old, 'right after a restart')
  },
)

const PROMOTIONS = 100
const RUNNERS = 1_000
// Version 1 is at revision 0; each later one is two events, of which the second promotes it.
const revisions = Array.from({ length: PROMOTIONS }, (_, i) => 2 * i)
let receipts = 0
await withService(
  async (dataDir) => {
    await generateLog(join(dataDir, 'log.db'), PROJECT, { assistants: 1000, versions: 1 })
  },
  async (service) => {
    await benchReceipts(report, service, 1, 100)
    await benchReceipts(report, service, 100, 50)
    await benchReceipts(report, service, quick ? 300 : RUNNERS, 20)
    await memory('after the receipts', service)
  },
)
await withService(
  async (dataDir) => {
    const file = join(dataDir, 'log.db')
    await generateLog(file, PROJECT, { assistants: 1, versions: PROMOTIONS })
    receipts = await generateReceipts(file, PROJECT, RUNNERS, revisions)
  },
  ({ connection }) => benchHistory(report, connection, receipts, revisions),
)

const assistants = quick ? 10_000 : 100_000
await withService(
  async (dataDir) => {
    const count = await generateLog(join(dataDir, 'log.db'), PROJECT, { assistants, versions: 1 })
    await rebuild(dataDir, count)
  },
  async (service) => {
    const large = await benchQueries(report, service.url, service.connection, assistants)
    if (small) compareSizes(report, small, large)
    await memory(`${assistants} assistants`, service)
  },
)

if (!quick)
  await withService(
    async (dataDir) => {
      events = await generateLog(join(dataDir, 'log.db'), PROJECT, { assistants: 1000, versions: 500 })
      const { size } = await stat(join(dataDir, 'log.db'))
      report.row({
        section: 'start',
        name: `log of ${events} events`,
        figure: `${Math.round(size / 2 ** 20)} MiB`,
      })
    },
    async (service) => {
      const took = await service.restart()
      report.keep('start_1000000', took)
      report.row({ section: 'start', name: `with ${events} events`, figure: `${ms(took)} ms` })
      await memory(`${events} events`, service)
    },
  )

await writeFile(
  'bench-results.json',
  `${JSON.stringify({ node: process.version, cpu: cpu?.model, figures: report.figures }, null, 2)}\n`,
)
console.log(
  `\n${report.rows.filter(({ met }) => met === false).length} aims not met; ${Math.round((performance.now() - started) / 1000)} s; figures in bench-results.json`,
)
