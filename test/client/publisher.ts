// A small publisher that writes a bucket as docs/wire.md says, from nothing but what a test tells it, beside the
// stream that the runners' reports go to.
import { createHash } from 'node:crypto'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { canonical } from '../../libs/client/src/canonical.js'

export const PROJECT = 'default'
export const ENVIRONMENT = 'live'
export const GRAPH = 'writer'
export const STREAM = `KV_assistant_configs_${PROJECT}`
export const REPORTS = `RUNNER_ACKS_${PROJECT}`
const TWO_MINUTES_NS = 120e9
const SEVEN_DAYS_NS = 7 * 86_400e9
const PREFIX = `$KV.assistant_configs_${PROJECT}.`

export interface TestContent {
  readonly graph_id: string
  readonly name: string
  readonly description: string | null
  readonly config: Record<string, never>
  readonly context: Record<string, string>
  readonly metadata: Record<string, never>
}

export const content = (prompt: string, graph = GRAPH): TestContent => ({
  graph_id: graph,
  name: 'Writer',
  description: null,
  config: {},
  context: { prompt },
  metadata: {},
})

const sha = (text: string) => createHash('sha256').update(text).digest()
export const hashOf = (of: TestContent): string => sha(canonical(of)).toString('hex')

export class TestPublisher {
  readonly nc: NatsConnection
  logId = 'log-1'
  epoch = 1
  position = 0
  readonly keys = new Map<string, { epoch: number; revision: number }>()
  #beat: NodeJS.Timeout | undefined

  private constructor(nc: NatsConnection) {
    this.nc = nc
  }

  static async start(url: string): Promise<TestPublisher> {
    const nc = await connect({ ...credentials(url), maxReconnectAttempts: -1, reconnectTimeWait: 100 })
    const publisher = new TestPublisher(nc)
    await publisher.makeBucket()
    await publisher.makeReports()
    return publisher
  }

  async makeBucket(): Promise<void> {
    const jsm = await jetstreamManager(this.nc)
    await jsm.streams.add({
      name: STREAM,
      subjects: [`${PREFIX}>`],
      max_msgs_per_subject: 10,
      discard: 'new',
      allow_direct: true,
      allow_rollup_hdrs: false,
      deny_delete: true,
      deny_purge: true,
    })
  }

  async deleteBucket(): Promise<void> {
    await (await jetstreamManager(this.nc)).streams.delete(STREAM)
  }

  async makeReports(): Promise<void> {
    const jsm = await jetstreamManager(this.nc)
    await jsm.streams.add({
      name: REPORTS,
      subjects: [`assistants.v1.${PROJECT}.acks.>`],
      max_msgs_per_subject: 20,
      max_age: SEVEN_DAYS_NS,
      discard: 'old',
      duplicate_window: TWO_MINUTES_NS,
      allow_direct: true,
      deny_delete: true,
      deny_purge: true,
    })
  }

  async deleteReports(): Promise<void> {
    await (await jetstreamManager(this.nc)).streams.delete(REPORTS)
  }

  /** A watermark every 500 ms, as the service's publisher beats every 2 s. */
  beat(): void {
    this.#beat = setInterval(() => this.watermark().catch(() => undefined), 500)
  }

  value(id: string, version: number, revision: number, of: TestContent) {
    return {
      v: 1,
      log_id: this.logId,
      epoch: this.epoch,
      position: String(++this.position),
      project: PROJECT,
      environment: ENVIRONMENT,
      assistant_id: id,
      generation: 1,
      version,
      revision,
      content: of,
      contentHash: hashOf(of),
      promotedAt: '2026-01-01T00:00:00.000000+00:00',
      promotedBy: { id: 'tester', verified: false, via: 'bus' },
    }
  }

  tombstone(id: string, revision: number, state: 'deleted' | 'moved', to?: string) {
    const { content: _, contentHash: __, ...envelope } = this.value(id, 1, revision, content(''))
    return { ...envelope, state, ...(to === undefined ? {} : { to }) }
  }

  /** Writes a value as it is; `counted: false` leaves it out of the digest. */
  async put(
    value: { assistant_id: string; epoch: number; revision: number },
    { counted = true, graph = GRAPH } = {},
  ): Promise<number> {
    const key = `${ENVIRONMENT}.${graph}.${value.assistant_id}`
    if (counted) this.keys.set(key, { epoch: value.epoch, revision: value.revision })
    return this.raw(key, JSON.stringify(value))
  }

  async raw(key: string, body: string): Promise<number> {
    return (await jetstream(this.nc).publish(`${PREFIX}${key}`, body)).seq
  }

  /** What a promotion does: the value, then the watermark. */
  async promote(id: string, version: number, revision: number, of: TestContent): Promise<void> {
    await this.put(this.value(id, version, revision, of))
    await this.watermark()
  }

  async watermark(graph = GRAPH, over: Record<string, unknown> = {}): Promise<void> {
    const prefix = `${ENVIRONMENT}.${graph}.`
    const sum = Buffer.alloc(32)
    const keys = [...this.keys].filter(([key]) => key.startsWith(prefix))
    for (const [key, { epoch, revision }] of keys) {
      sha(`${key} ${epoch} ${revision}`).forEach((byte, i) => {
        sum[i] = (sum[i] ?? 0) ^ byte
      })
    }
    const mark = {
      v: 1,
      log_id: this.logId,
      epoch: this.epoch,
      position: String(this.position),
      count: keys.length,
      digest: sum.toString('hex'),
      ...over,
    }
    await this.raw(`${prefix}_watermark`, JSON.stringify(mark))
  }

  /** Resolves when its connection, which has to break first, is up again. */
  async reconnected(): Promise<void> {
    for await (const status of this.nc.status()) if (status.type === 'reconnect') return
  }

  async consumers(): Promise<number> {
    const jsm = await jetstreamManager(this.nc)
    return (await jsm.streams.info(STREAM)).state.consumer_count
  }

  async consumerNames(): Promise<(string | undefined)[]> {
    const names: string[] = []
    const jsm = await jetstreamManager(this.nc)
    for await (const { name } of jsm.consumers.list(STREAM)) names.push(name)
    return names
  }

  async deleteConsumers(): Promise<void> {
    const jsm = await jetstreamManager(this.nc)
    for (const name of await this.consumerNames()) await jsm.consumers.delete(STREAM, name ?? '')
  }

  async stop(): Promise<void> {
    clearInterval(this.#beat)
    await this.nc.close()
  }
}

/** The library takes no credentials from an address. */
function credentials(url: string): { servers: string; user?: string; pass?: string } {
  const { host, username, password } = new URL(url)
  return username === '' ? { servers: host } : { servers: host, user: username, pass: password }
}
