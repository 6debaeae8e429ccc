// The read model in PostgreSQL: projection beside a COPY of the same rows into the same tables and indexes, and searches
// beside the query of the same answer.
import { openEmbeddedLog } from '@assistant-ledger/event-log'
import { openReadModel, PROJECTION_VERSION, Projection, type ReadModel } from '@assistant-ledger/read-model'
import pg from 'pg'
import { startPostgres } from '../support/postgres.js'
import { paired, pump, type Report, show } from './measure.js'
import { cpuSecondsWithChildren } from './processes.js'
import { TEAMS } from './samples.js'

const PROJECT = 'default'
const SCHEMA = `ledger_${PROJECT}_v${PROJECTION_VERSION}`
/** Parts of a rebuild whose speeds are compared. */
const PARTS = 10
const REBUILD_DEADLINE_MS = 600_000
const IN_FLIGHT = 8
const ROUNDS = 5

/** @param file of a log with `assistants`, each of one version */
export async function benchPostgres(report: Report, file: string, assistants: number): Promise<void> {
  const postgres = await startPostgres()
  const database = new pg.Pool({ connectionString: postgres.url, max: IN_FLIGHT })
  const model = await openReadModel({ url: postgres.url, project: PROJECT })
  try {
    const { rows } = await database.query<{ fsync: string; version: string }>(
      `select current_setting('fsync') as fsync, current_setting('server_version') as version`,
    )
    console.log(
      `PostgreSQL ${rows[0]?.version}, fsync ${rows[0]?.fsync}, the projection without waiting for the disk`,
    )
    await project(report, { database, model, pid: postgres.pid }, file, assistants)
    await search(report, database, model, assistants)
  } finally {
    await model.close()
    await database.end()
    await postgres.stop()
  }
}

interface Target {
  readonly database: pg.Pool
  readonly model: ReadModel
  readonly pid: number
}

async function project(report: Report, { database, model, pid }: Target, file: string, assistants: number) {
  const log = await openEmbeddedLog({ file })
  const head = await log.head()
  const part = head / BigInt(PARTS)
  const speeds: number[] = []
  const ourCpu = process.cpuUsage()
  const serverCpu = await cpuSecondsWithChildren(pid)
  const began = performance.now()
  let [from, since] = [0n, began]
  model.onAdvance((position) => {
    if (position - from < part) return
    const now = performance.now()
    speeds.push((Number(position - from) * 1000) / (now - since))
    ;[from, since] = [position, now]
  })
  const stop = new AbortController()
  const running = new Projection(log, model, { project: PROJECT }).run(stop.signal)
  await model.reached(head, REBUILD_DEADLINE_MS)
  const per_second = (Number(head) * 1000) / (performance.now() - began)
  const { user, system } = process.cpuUsage(ourCpu)
  const cpu_us = {
    ours: (user + system) / Number(head),
    database: (((await cpuSecondsWithChildren(pid)) - serverCpu) * 1_000_000) / Number(head),
  }
  stop.abort()
  await running
  await log.close()
  const copy = await copied(database, pid, Number(head))
  const raw = Number(head) / copy.seconds
  speeds.sort((a, b) => a - b)
  report.keep(`postgres_projection_${assistants}`, { per_second, speeds, cpu_us, copy, raw })
  const between = `${Math.round(speeds[0] ?? 0)}-${Math.round(speeds.at(-1) ?? 0)}`
  report.row({
    section: 'postgres',
    name: `projection of ${head} events`,
    figure: `${Math.round(per_second)} events/s (tenths ${between})`,
    raw: `${Math.round(raw)} events/s COPY of the same rows`,
    ratio: per_second / raw,
    aim: '>= 10000/s',
    met: per_second >= 10_000,
  })
  report.row({
    section: 'postgres',
    name: 'projection: of a core an event, ours and the database',
    figure: `${cpu_us.ours.toFixed(0)} us + ${cpu_us.database.toFixed(0)} us`,
    raw: `${copy.cpu_us.toFixed(0)} us COPY`,
  })
  report.row({
    section: 'postgres',
    name: `read model at ${assistants} assistants`,
    figure: `${Math.round(copy.bytes / 2 ** 20)} MiB`,
  })
}

/** Copies every table out, and into an empty one that has the same indexes. */
async function copied(database: pg.Pool, pid: number, events: number) {
  const { rows: tables } = await database.query<{ name: string }>(
    'select tablename as name from pg_tables where schemaname = $1',
    [SCHEMA],
  )
  const { rows } = await database.query<{ directory: string }>(
    `select current_setting('data_directory') as directory`,
  )
  await database.query('create schema bench_copy')
  let [seconds, bytes, cpu] = [0, 0, 0]
  for (const { name } of tables) {
    const [from, to] = [`${SCHEMA}.${name}`, `bench_copy.${name}`]
    const file = pg.escapeLiteral(`${rows[0]?.directory}/bench_copy`)
    await database.query(`create table ${to} (like ${from} including all)`)
    await database.query(`copy ${from} to ${file}`)
    const before = await cpuSecondsWithChildren(pid)
    const began = performance.now()
    await database.query(`copy ${to} from ${file}`)
    seconds += (performance.now() - began) / 1000
    cpu += (await cpuSecondsWithChildren(pid)) - before
    const size = await database.query<{ bytes: string }>('select pg_total_relation_size($1) as bytes', [from])
    bytes += Number(size.rows[0]?.bytes)
  }
  await database.query('drop schema bench_copy cascade')
  return { seconds, bytes, cpu_us: (cpu * 1_000_000) / events }
}

/** Ten of the 1 %, newest first, and how many they are. */
const QUERY = `
  select a.assistant_id, v.version, v.content, a.created_at, a.updated_at,
         (select count(*) from ${SCHEMA}.search_terms where term = $1) as total
  from (select created_us, assistant_no from ${SCHEMA}.search_terms where term = $1
        order by created_us desc, assistant_no desc limit 10) as p
  join ${SCHEMA}.assistants a using (assistant_no)
  join ${SCHEMA}.versions v
    on v.assistant_no = a.assistant_no and v.generation = a.generation and v.version = a.live_version
  order by p.created_us desc, p.assistant_no desc`

async function search(report: Report, database: pg.Pool, model: ReadModel, assistants: number) {
  const page = { limit: 10, offset: 0, sort_by: 'created_at', sort_order: 'desc' } as const
  const ours = async (index: number) => {
    const { assistants: found } = await model.search({ metadata: { team: `team-${index % TEAMS}` }, ...page })
    if (found.length !== page.limit) throw new Error(`a search found ${found.length}`)
  }
  const raw = async (index: number) => {
    const values = [`m"team"="team-${index % TEAMS}"`]
    const { rows } = await database.query({ name: 'search', text: QUERY, values })
    if (rows.length !== page.limit) throw new Error(`the query found ${rows.length}`)
  }
  for (const call of [raw, ours]) await pump(1000, IN_FLIGHT, call)
  const pair = await paired(
    () => pump(2000, IN_FLIGHT, ours),
    () => pump(2000, IN_FLIGHT, raw),
    ROUNDS,
  )
  report.keep(`postgres_search_${assistants}`, pair)
  report.row({
    section: 'postgres',
    name: `search 1 % with total at ${assistants}, ${IN_FLIGHT} in flight`,
    figure: show(pair.ours),
    raw: `${show(pair.raw)} (bare query)`,
    ratio: pair.ratio,
    spread: pair.spread,
  })
}
