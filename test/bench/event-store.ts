// What the adapter costs beside the bare client of EventStoreDB: appends over the same call at the same concurrency,
// and following beside a bare subscription with the same filter. The server is the tests' stand-in, or the real one
// that EVENTSTORE_TEST_URL names; what is written there is of a project of its own.
import { randomUUID } from 'node:crypto'
import { streamPrefixes } from '@assistant-ledger/assistant'
import {
  EVENTSTORE_LIMITS,
  type EventData,
  type EventLog,
  openEventStoreLog,
} from '@assistant-ledger/event-log'
import { EventStoreDBClient, jsonEvent, NO_STREAM, START, streamNameFilter } from '@eventstore/db-client'
import { startStandIn } from '../support/event-store/start.js'
import { creation } from './generate.js'
import { type Figure, paired, pump, type Report, show } from './measure.js'

/** Many short ones: both sides of a ratio see the same machine. */
const ROUNDS = 9
const COUNTS = new Map([
  [1, 60],
  [8, 240],
  [64, 640],
])
const FOLLOWED = 10_000
const BATCH = 100
const AIM = 0.85

export interface Store {
  readonly url: string
  /** For the output. */
  readonly kind: 'stand-in' | 'real server'
  stop(): Promise<void>
}

export async function startStore(): Promise<Store> {
  const { EVENTSTORE_TEST_URL: url } = process.env
  if (url) return { url, kind: 'real server', stop: async () => undefined }
  const standIn = await startStandIn()
  return { url: standIn.url, kind: 'stand-in', stop: () => standIn.stop() }
}

export async function benchEventStore(report: Report): Promise<void> {
  const store = await startStore()
  const project = `bench${randomUUID().slice(0, 8)}`
  const log = await openEventStoreLog({ url: store.url, project })
  const bare = EventStoreDBClient.connectionString(store.url)
  try {
    await benchAppends(report, { ...store, log, bare, project })
    await benchFollow(report, { ...store, log, bare, project })
  } finally {
    await bare.dispose()
    await log.close()
    await store.stop()
  }
}

interface Target extends Store {
  readonly log: EventLog
  readonly bare: EventStoreDBClient
  readonly project: string
}

async function benchAppends(report: Report, { log, bare, project, kind }: Target) {
  const raw = rawAppend(bare, project)
  const [event] = creation(project, 0)
  const ours = () => log.append(newStream(project), 'no_stream', [again(event as EventData)])
  for (const call of [raw, ours]) await pump(500, 8, call)
  for (const [inFlight, count] of COUNTS) {
    const cpu = new CpuOf()
    const pair = await paired(
      () => cpu.of('ours', count, () => pump(count, inFlight, ours)),
      () => cpu.of('bare', count, () => pump(count, inFlight, raw)),
      ROUNDS,
    )
    report.keep(`event_store_append_${inFlight}`, { kind, ...pair, cpu: cpu.medians })
    report.row({
      section: 'store',
      name: `append, ${inFlight} in flight, ${kind}`,
      figure: show(pair.ours),
      raw: `${show(pair.raw)} (bare client)`,
      ratio: pair.ratio,
      spread: pair.spread,
      aim: `>= ${AIM} x`,
      met: pair.ratio >= AIM,
    })
    cpu.row(report, `append, ${inFlight} in flight`)
  }
}

/** An append of what a create appends, over the client's `Append` call, which it takes when it has credentials. */
export function rawAppend(bare: EventStoreDBClient, project: string): () => Promise<unknown> {
  const [event] = creation(project, 0)
  const user = /^[^:]+:\/\/([^:@/]*):([^@/]*)@/.exec(process.env.EVENTSTORE_TEST_URL ?? '')
  const credentials = {
    username: decodeURIComponent(user?.[1] ?? 'bench'),
    password: decodeURIComponent(user?.[2] ?? 'bench'),
  }
  const options = { expectedRevision: NO_STREAM, requiresLeader: true, credentials } as const
  return () => bare.appendToStream(newStream(project), jsonEvent(again(event as EventData) as never), options)
}

async function benchFollow(report: Report, { log, bare, project, kind }: Target) {
  const start = await log.head()
  for (let left = FOLLOWED; left > 0; left -= BATCH) {
    const events = Array.from({ length: BATCH }, (_, i) => creation(project, left - i)[0] as EventData)
    await log.append(newStream(project), 'no_stream', events)
  }
  const prefixes = streamPrefixes(project)
  const ours = async () => {
    const stop = new AbortController()
    let left = FOLLOWED
    for await (const { type } of log.follow({ after: start, prefixes, signal: stop.signal }))
      if (type === 'event' && --left === 0) break
    stop.abort()
  }
  const raw = async () => {
    const { checkpointInterval } = EVENTSTORE_LIMITS
    const filter = streamNameFilter({ prefixes: [...prefixes], checkpointInterval })
    const fromPosition = start === 0n ? START : { commit: start, prepare: start }
    const subscription = bare.subscribeToAll({ fromPosition, filter })
    let left = FOLLOWED
    for await (const { event } of subscription) if (event && --left === 0) break
    await subscription.unsubscribe()
  }
  for (const follow of [raw, ours]) await follow()
  const cpu = new CpuOf()
  const { ratio, spread, ...pair } = await paired(
    () => cpu.of('ours', FOLLOWED, () => once(ours)),
    () => cpu.of('bare', FOLLOWED, () => once(raw)),
    ROUNDS,
  )
  report.keep('event_store_follow', { kind, ...pair, ratio, spread })
  report.row({
    section: 'store',
    name: `follow ${FOLLOWED} events, ${kind}`,
    figure: `${Math.round(pair.ours.per_second)} events/s`,
    raw: `${Math.round(pair.raw.per_second)} events/s (bare subscription)`,
    ratio,
    spread,
    aim: `>= ${AIM} x`,
    met: ratio >= AIM,
  })
  cpu.row(report, 'follow')
}

/** What this process takes of a core for each call: the machine's other load changes rates, and this hardly. */
class CpuOf {
  private readonly took: Record<'ours' | 'bare', number[]> = { ours: [], bare: [] }

  async of<T>(which: 'ours' | 'bare', count: number, run: () => Promise<T>): Promise<T> {
    const before = process.cpuUsage()
    const result = await run()
    const { user, system } = process.cpuUsage(before)
    this.took[which].push((user + system) / count)
    return result
  }

  /** Microseconds. */
  get medians(): { readonly ours: number; readonly bare: number } {
    const median = (values: readonly number[]) =>
      [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
    return { ours: median(this.took.ours), bare: median(this.took.bare) }
  }

  row(report: Report, name: string): void {
    const { ours, bare } = this.medians
    report.row({
      section: 'store',
      name: `${name}: of a core a call or event`,
      figure: `${ours.toFixed(0)} us`,
      raw: `${bare.toFixed(0)} us (bare)`,
      ratio: ours / bare,
    })
  }
}

/** As events a second. */
async function once(follow: () => Promise<void>): Promise<Figure> {
  const figure = await pump(1, 1, follow)
  return { ...figure, per_second: figure.per_second * FOLLOWED }
}

const newStream = (project: string): string => `assistant.${project}-${randomUUID()}`

const again = (event: EventData): EventData => ({ ...event, id: randomUUID() })
