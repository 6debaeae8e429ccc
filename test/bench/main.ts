// npm run bench: every figure beside its raw limit in the same run. Absolute figures belong to the machine that is
// printed with them; the ratios are what is comparable. `npm run bench -- store grown` runs these sections alone,
// `npm run bench -- moves --assistants=1000000` one of them with so many.
import { copyFile, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchAge, benchCommands } from './commands.js'
import { benchEventStore } from './event-store.js'
import { generateLog } from './generate.js'
import { generateReceipts } from './generate-receipts.js'
import { benchGrown } from './grown.js'
import { benchHttp, benchLoss } from './http.js'
import { benchMemory, withInstallation } from './installation.js'
import { benchLog, benchStart } from './looks.js'
import { ms, Report } from './measure.js'
import { benchMoves } from './moves.js'
import { benchPostgres } from './postgres.js'
import { benchQueries, compareSizes, type QueryFigures } from './queries.js'
import { benchRebuild, project } from './rebuild.js'
import { benchHistory, benchReceipts } from './receipts.js'
import { ask } from './request.js'
import { sampleId } from './samples.js'
import { installPeer } from './servers.js'
import { benchSwap } from './swap.js'
import { benchVerify } from './verify.js'

const PROJECT = 'default'
const PROMOTIONS = 100
const RUNNERS = 1_000
const { values, positionals: wanted } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, assistants: { type: 'string' } },
  allowPositionals: true,
})
const { quick } = values
const report = new Report()
const scratch = await mkdtemp(join(tmpdir(), 'assistant-ledger-bench-'))

const assistants = Number(values.assistants ?? (quick ? 10_000 : 100_000))
let small: QueryFigures | undefined
let largeLog: Promise<{ file: string; events: number }> | undefined

const SECTIONS: Readonly<Record<string, () => Promise<void>>> = {
  async commands() {
    let events = 0
    await withInstallation(
      async (dataDir) => {
        events = await generateLog(join(dataDir, 'log.db'), PROJECT, { assistants: 1000, versions: 1 })
      },
      async (installation) => {
        const { url, connection, dataDir } = installation
        small = await benchQueries(report, url, connection, 1000)
        for (const runners of [1, 100]) await benchSwap(report, url, connection, runners)
        const took = await installation.restart()
        report.keep('start_1000', took)
        report.row({ section: 'start', name: `with ${events} events and more`, figure: `${ms(took)} ms` })
        await benchCommands(report, url, dataDir, connection)
        await benchMemory(report, 'after the commands', installation)
      },
    )
  },

  async age() {
    await withInstallation(
      async (dataDir) => {
        await generateLog(join(dataDir, 'log.db'), PROJECT, { assistants: 2, versions: 5 })
      },
      async ({ connection, restart }) => {
        const [young, old] = [sampleId(0), sampleId(1)]
        for (let version = 5; version < 10_000; version++)
          await ask(connection, 'update', { assistant_id: old, metadata: { version } })
        await benchAge(report, connection, young, old, 'running')
        await restart()
        await benchAge(report, connection, young, old, 'right after a restart')
      },
    )
  },

  async receipts() {
    await withInstallation(
      async (dataDir) => {
        await generateLog(join(dataDir, 'log.db'), PROJECT, { assistants: 1000, versions: 1 })
      },
      async (installation) => {
        await benchReceipts(report, installation, 1, 100)
        await benchReceipts(report, installation, 100, 50)
        await benchReceipts(report, installation, quick ? 300 : RUNNERS, 20)
        await benchMemory(report, 'after the receipts', installation)
      },
    )
  },

  async history() {
    // Version 1 is at revision 0; each later one is two events, of which the second promotes it.
    const revisions = Array.from({ length: PROMOTIONS }, (_, i) => 2 * i)
    let receipts = 0
    await withInstallation(
      async (dataDir) => {
        const file = join(dataDir, 'log.db')
        await generateLog(file, PROJECT, { assistants: 1, versions: PROMOTIONS })
        receipts = await generateReceipts(file, PROJECT, RUNNERS, revisions)
      },
      ({ connection }) => benchHistory(report, connection, receipts, revisions),
    )
  },

  async large() {
    await withInstallation(
      async (dataDir) => {
        const { file, events } = await ofManyAssistants()
        await copyFile(file, join(dataDir, 'log.db'))
        await benchRebuild(report, dataDir, events)
      },
      async (installation) => {
        const { url, connection } = installation
        const large = await benchQueries(report, url, connection, assistants)
        if (small) compareSizes(report, small, large)
        await benchMemory(report, `${assistants} assistants`, installation)
      },
    )
  },

  async start() {
    if (quick) return
    let events = 0
    await withInstallation(
      async (dataDir) => {
        events = await generateLog(join(dataDir, 'log.db'), PROJECT, { assistants: 1000, versions: 500 })
        const { size } = await stat(join(dataDir, 'log.db'))
        report.row({
          section: 'start',
          name: `log of ${events} events`,
          figure: `${Math.round(size / 2 ** 20)} MiB`,
        })
      },
      async (installation) => {
        const took = await installation.restart()
        report.keep('start_1000000', took)
        report.row({ section: 'start', name: `with ${events} events`, figure: `${ms(took)} ms` })
        await benchMemory(report, `${events} events`, installation)
      },
    )
  },

  async verify() {
    const dataDir = join(scratch, 'verify')
    await mkdir(dataDir)
    const { file, events } = await ofManyAssistants()
    await copyFile(file, join(dataDir, 'log.db'))
    await benchVerify(report, dataDir)
    const readModel = join(dataDir, 'read-model.db')
    await project(dataDir, readModel, events)
    await benchVerify(report, dataDir, readModel)
  },

  async moves() {
    await benchStart(report)
    await withInstallation(
      async (dataDir) => {
        const { file, events } = await ofManyAssistants()
        await copyFile(file, join(dataDir, 'log.db'))
        await benchMoves(report, dataDir, events)
      },
      ({ http }) => benchLog(report, http, assistants),
    )
  },

  async http() {
    installPeer()
    for (const population of [200, 10_000])
      await withInstallation(
        async (dataDir) => {
          await generateLog(join(dataDir, 'log.db'), PROJECT, { assistants: population, versions: 1 })
        },
        ({ http }) => benchHttp(report, http, population),
      )
    await benchLoss(report)
  },

  store: () => benchEventStore(report),
  postgres: async () => benchPostgres(report, (await ofManyAssistants()).file, assistants),
  grown: () => benchGrown(report),
}

/** Made once for whoever needs it. */
function ofManyAssistants(): Promise<{ file: string; events: number }> {
  const file = join(scratch, 'log.db')
  largeLog ??= generateLog(file, PROJECT, { assistants, versions: 1 }).then((events) => ({ file, events }))
  return largeLog
}

if (!(assistants >= 1)) throw new RangeError(`--assistants is a number, not ${values.assistants}`)
const unknown = wanted.filter((name) => !(name in SECTIONS))
if (unknown.length > 0) {
  console.error(`there is no section ${unknown.join(', ')}; there are ${Object.keys(SECTIONS).join(', ')}`)
  process.exit(1)
}
const started = performance.now()
const [cpu] = cpus()
console.log(
  `${cpus().length} x ${cpu?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
)
console.log('content 2 KiB; figures are calls/s and p50/p95/p99; beside them the raw limit of the same run\n')
try {
  for (const [name, section] of Object.entries(SECTIONS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    const from = performance.now()
    await section()
    console.log(`${name} took ${Math.round((performance.now() - from) / 1000)} s`)
  }
} finally {
  await rm(scratch, { recursive: true, force: true })
}
await writeFile(
  'bench-results.json',
  `${JSON.stringify({ node: process.version, cpu: cpu?.model, figures: report.figures }, null, 2)}\n`,
)
console.log(
  `\n${report.rows.filter(({ met }) => met === false).length} aims not met; ${Math.round((performance.now() - started) / 1000)} s; figures in bench-results.json`,
)
