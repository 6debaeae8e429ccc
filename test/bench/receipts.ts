// From a promotion to its whole receipt, beside a bare put, watch and acknowledgement of the same payload; what a
// fleet costs that only says that it is there; and what questions about the past cost.
import { setTimeout } from 'node:timers/promises'
import { type Assistants, followAssistants } from '@assistant-ledger/client'
import type { NatsConnection } from '@nats-io/transport-node'
import { ms, percentiles, pump, type Report, show } from './measure.js'
import { cpuSeconds } from './processes.js'
import { rawPutWatchAck } from './raw.js'
import { ask } from './request.js'
import { CONTENT_BYTES, sampleContent, sampleId } from './samples.js'

/** Runners that connect at a time. */
const CONNECTING = 50
const LOOK_EVERY_MS = 200
/** How long the cost of a fleet at rest is measured. */
const REST_MS = 20_000

interface Target {
  readonly url: string
  readonly connection: NatsConnection
  pid(): number
}

export async function benchReceipts(report: Report, target: Target, runners: number, rounds: number) {
  const { url, connection } = target
  const fleet = await startFleet(url, runners)
  try {
    await counted(connection, runners)
    const assistant_id = sampleId(0)
    const took: number[] = []
    const last: number[] = []
    const before = await headOf(connection)
    for (let round = 0; round < rounds; round++) {
      const from = performance.now()
      const body = { assistant_id, ...sampleContent(0, round), metadata: { round, runners } }
      const { receipt } = (await ask(connection, 'update', {
        ...body,
        wait: 'converged',
        wait_ms: 60_000,
      })) as { receipt: { active: number; of: number; last_ms: number } }
      took.push(performance.now() - from)
      last.push(receipt.last_ms)
      if (receipt.active !== runners) throw new Error(`${receipt.active} of ${receipt.of} runners are active`)
    }
    const events = (await headOf(connection)) - before
    const cost = await costAtRest(target)
    const raw = percentiles(await rawPutWatchAck(url, runners, rounds, CONTENT_BYTES))
    const ours = percentiles(took)
    report.keep(`receipts_${runners}`, {
      ours,
      last: percentiles(last),
      raw,
      cost,
      events: Number(events) / rounds,
    })
    const ratio = ours.p50_ms / raw.p50_ms
    report.row({
      section: 'receipts',
      name: `promotion -> receipt, ${runners} runner(s), p50/p99`,
      figure: `${ms(ours.p50_ms)}/${ms(ours.p99_ms)} ms`,
      raw: `${ms(raw.p50_ms)}/${ms(raw.p99_ms)} ms (put -> watch -> ack)`,
      ratio,
      aim: '<= 2 x',
      met: ratio <= 2,
    })
    report.row({
      section: 'receipts',
      name: `cost of ${runners} runner(s) at rest`,
      figure: `registry ${(cost.cpu * 100).toFixed(1)} % of a core, ${(Number(events) / rounds).toFixed(1)} events a promotion`,
    })
  } finally {
    for (let next = 0; next < fleet.length; next += CONNECTING)
      await Promise.all(fleet.slice(next, next + CONNECTING).map((follower) => follower.close()))
  }
}

async function startFleet(url: string, runners: number): Promise<Assistants[]> {
  const fleet: Assistants[] = []
  while (fleet.length < runners) {
    const names = Array.from(
      { length: Math.min(CONNECTING, runners - fleet.length) },
      (_, i) => fleet.length + i,
    )
    fleet.push(
      ...(await Promise.all(
        names.map((name) =>
          followAssistants({
            servers: url,
            environment: 'live',
            graphs: ['writer'],
            assistants: [sampleId(0)],
            runner: { name: `bench-${name}`, build: 'bench' },
            initTimeoutMs: 60_000,
          }),
        ),
      )),
    )
  }
  return fleet
}

/** Resolves when the service counts that many for the assistant, and none lags. */
async function counted(connection: NatsConnection, runners: number): Promise<void> {
  for (;;) {
    const { of, lagging } = (await ask(connection, 'fleet', { assistant_id: sampleId(0) })) as {
      of: number
      lagging: object[]
    }
    if (of === runners && lagging.length === 0) return
    await setTimeout(LOOK_EVERY_MS)
  }
}

async function headOf(connection: NatsConnection): Promise<bigint> {
  const reply = await connection.request('assistants.v1.default.count', '{}')
  return BigInt(reply.headers?.get('Ledger-Position') ?? 0)
}

async function costAtRest({ pid }: Target): Promise<{ cpu: number }> {
  const [before, from] = [await cpuSeconds(pid()), performance.now()]
  await setTimeout(REST_MS)
  return { cpu: ((await cpuSeconds(pid())) - before) / ((performance.now() - from) / 1000) }
}

/** Questions about promotions of the past, among as many receipts as the log was filled with. */
export async function benchHistory(
  report: Report,
  connection: NatsConnection,
  receipts: number,
  revisions: readonly number[],
) {
  const assistant_id = sampleId(0)
  const of = (index: number) => ({ revision: revisions[index % revisions.length] as number })
  const past = await pump(200, 4, (index) => ask(connection, 'fleet', { assistant_id, ...of(index) }))
  report.keep('history', { receipts, past })
  report.row({
    section: 'receipts',
    name: `a past promotion, among ${receipts} receipts, 4 in flight`,
    figure: show(past),
  })
}
