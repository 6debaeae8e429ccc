// The HTTP side beside LangGraph's in-memory server with the same assistants, and beside a bare Fastify that answers one of
// them as a constant; and what both servers still have of acknowledged writes after a kill -9.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../observability/scrape.js'
import { startNatsServer } from '../support/nats-server.js'
import { startRegistry } from '../support/registry.js'
import { HttpClient } from './http-client.js'
import { type Figure, paired, pump, pumpFor, type Report, show } from './measure.js'
import { sampleContent, sampleId, TEAMS } from './samples.js'
import { startConstant, startPeer } from './servers.js'

const CONNECTIONS = 32
/** How long each side has in each of three rounds. */
const SLICE_MS = 1_000
const WARM_MS = 500
/** Writes that are acknowledged before the kill. */
const WRITES = 500

/** What is asked of both, and at 10,000 assistants how many times faster ours should be. */
const CALLS: readonly (readonly [
  name: string,
  aim: number,
  call: (client: HttpClient, index: number, population: number) => Promise<unknown>,
])[] = [
  ['get', 4, (client, index, population) => client.send('GET', pathOf(index, population))],
  [
    'PATCH',
    10,
    (client, index, population) =>
      client.send('PATCH', pathOf(index, population), { metadata: { round: index } }),
  ],
  [
    'search by metadata, 1 % match',
    50,
    (client, index) => client.send('POST', '/assistants/search', teamOf(index)),
  ],
  [
    'count by metadata, 1 % match',
    200,
    (client, index) => client.send('POST', '/assistants/count', teamOf(index)),
  ],
  [
    'create',
    1.5,
    (client, index, population) => client.send('POST', '/assistants', sampleContent(population + index, 1)),
  ],
]

const pathOf = (index: number, population: number) => `/assistants/${sampleId((index * 7919) % population)}`
const teamOf = (index: number) => ({ metadata: { team: `team-${index % TEAMS}` } })

/** @param url of our service, which has `population` sample assistants */
export async function benchHttp(report: Report, url: string, population: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'assistant-ledger-peer-'))
  const peer = await startPeer(folder)
  const ours = await HttpClient.open(url, CONNECTIONS)
  const theirs = await HttpClient.open(peer.url, CONNECTIONS)
  try {
    await pump(population, CONNECTIONS, (index) => theirs.send('POST', '/assistants', created(index)))
    await mustAgree(ours, theirs)
    if (population === 10_000) await besideFastify(report, ours, population)
    for (const [name, aim, call] of CALLS) {
      // Each side goes on where it was: a create of the next round is of the next assistant.
      const next = new Map([
        [ours, 0],
        [theirs, 0],
      ])
      const run = (client: HttpClient) => (ms: number) =>
        pumpFor(ms, CONNECTIONS, () => {
          const index = next.get(client) as number
          next.set(client, index + 1)
          return call(client, index, population)
        })
      const [our, their] = [run(ours), run(theirs)]
      await our(WARM_MS)
      const pair = await paired(
        () => our(SLICE_MS),
        () => their(SLICE_MS),
      )
      tell(
        report,
        `${name}, ${population} assistants`,
        pair,
        'langgraph-api',
        population === 10_000 ? aim : undefined,
      )
    }
  } finally {
    ours.close()
    theirs.close()
    await peer.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

async function besideFastify(report: Report, ours: HttpClient, population: number): Promise<void> {
  const get = (index: number) => ours.send('GET', pathOf(index, population))
  const constant = await startConstant((await get(0)).body)
  const bare = await HttpClient.open(constant.url, CONNECTIONS)
  try {
    const raw = (index: number) => bare.send('GET', pathOf(index, population))
    await pumpFor(WARM_MS, CONNECTIONS, raw)
    await pumpFor(WARM_MS, CONNECTIONS, get)
    const pair = await paired(
      () => pumpFor(SLICE_MS, CONNECTIONS, get),
      () => pumpFor(SLICE_MS, CONNECTIONS, raw),
      5,
    )
    tell(report, `get, ${population} assistants, beside Fastify`, pair, 'a constant', 0.5)
  } finally {
    bare.close()
    await constant.kill()
  }
}

function tell(
  report: Report,
  name: string,
  {
    ours,
    raw,
    ratio,
    spread,
  }: { ours: Figure; raw: Figure; ratio: number; spread: readonly [number, number] },
  beside: string,
  aim: number | undefined,
): void {
  report.keep(`http_${name.replaceAll(/\W+/g, '_')}`, { ours, raw, ratio, spread })
  report.row({
    section: 'http',
    name,
    figure: show(ours),
    raw: `${show(raw)} (${beside})`,
    ratio,
    spread,
    ...(aim === undefined ? {} : { aim: `>= ${aim} x`, met: ratio >= aim }),
  })
}

const created = (index: number) => ({ ...sampleContent(index, 1), assistant_id: sampleId(index) })

/** A figure over other answers would compare nothing. */
async function mustAgree(ours: HttpClient, theirs: HttpClient): Promise<void> {
  const look = async (client: HttpClient) => {
    const found = await client.send('POST', '/assistants/search', teamOf(1))
    const count = await client.send('POST', '/assistants/count', teamOf(1))
    return `${JSON.parse(found.body).length} of ${found.total}, count ${count.body}`
  }
  const [our, their] = [await look(ours), await look(theirs)]
  if (our !== their) throw new Error(`the two servers have different assistants: ${our}; ${their}`)
}

interface Killable {
  readonly url: string
  kill(): Promise<void>
}

/** How many of the writes that were acknowledged are there after a kill -9 and a start. */
export async function benchLoss(report: Report): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'assistant-ledger-loss-'))
  const nats = await startNatsServer()
  const port = await freePort()
  const startOurs = async (): Promise<Killable> => {
    const env = { PORT: String(port) }
    const registry = await startRegistry({ natsUrl: nats.url, dataDir: join(folder, 'ours'), env })
    return { url: `http://127.0.0.1:${port}`, kill: () => registry.kill() }
  }
  try {
    const ours = await lostBy(startOurs)
    const theirs = await lostBy(() => startPeer(folder))
    report.keep('http_loss', { writes: WRITES, ours, langgraph_api: theirs })
    report.row({
      section: 'http',
      name: `${WRITES} acknowledged creates, kill -9, start`,
      figure: `${ours} lost`,
      raw: `${theirs} lost (langgraph-api)`,
      aim: '0 lost',
      met: ours === 0,
    })
  } finally {
    await nats.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function lostBy(start: () => Promise<Killable>): Promise<number> {
  const before = await start()
  const writer = await HttpClient.open(before.url, CONNECTIONS)
  await pump(WRITES, CONNECTIONS, (index) => writer.send('POST', '/assistants', created(index)))
  writer.close()
  await before.kill()
  const after = await start()
  const reader = await HttpClient.open(after.url, CONNECTIONS)
  let there = 0
  await pump(WRITES, CONNECTIONS, async (index) => {
    const found = await reader.send('GET', `/assistants/${sampleId(index)}`).catch(() => undefined)
    if (found) there += 1
  })
  reader.close()
  await after.kill()
  return WRITES - there
}
