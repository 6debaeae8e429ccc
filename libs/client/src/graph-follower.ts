// Follows one graph of one environment: applies what its consumer delivers, and lets each watermark say whether that
// is all there is. Only a watermark that differs, or a consumer that is gone, opens a new snapshot.
import type { NatsConnection } from '@nats-io/transport-node'
import { Digest } from './canonical.js'
import type { Checkpoint } from './checkpoint.js'
import { CLOSE_TIMEOUT_MS, type Delivery, GraphConsumer, lastOf } from './consumer.js'
import type { Holdings } from './holdings.js'
import { graphKey, keyPrefix, streamOf, WATERMARK, watermarkKey } from './names.js'
import { further, mayJudge, type Reached } from './order.js'
import { WATERMARK_EVERY_MS } from './state.js'
import { readValue, readWatermark, type Value, type Watermark } from './value.js'

/** Without a watermark for so long the connection itself is tested. */
const PROBE_AFTER_MS = 1.5 * WATERMARK_EVERY_MS
const PROBE_TIMEOUT_MS = 1_000
/** What a direct get shows may still be on its way over the consumer. */
const IN_FLIGHT_MS = 500
const POLL_EVERY_MS = 30_000
const SNAPSHOT_BACKOFF_MS = { least: 250, most: 10_000 }

export interface FollowerOptions {
  readonly project: string
  readonly environment: string
  readonly graph: string
  readonly inboxPrefix: string
  readonly holdings: Holdings
  /** What is held, or how far it is confirmed, changed. */
  onChange(changed: 'held' | 'confirmed'): void
  onError(error: unknown): void
  /** A watermark of the followed log told of a signed checkpoint of that log. */
  onCheckpoint(checkpoint: Checkpoint): void
  /** The connection is open but nothing comes back over it. */
  onHalfOpen(): void
}

interface Session {
  readonly nc: NatsConnection
  /** The keys as this consumer showed them: what the watermark's digest is over. */
  readonly seen: Digest
  /** Of a log that no watermark has moved this client to. */
  readonly foreign: Map<string, Value>
  consumer: GraphConsumer | undefined
  complete: boolean
  lastSequence: number
  mark: Watermark | undefined
}

export class GraphFollower {
  readonly graph: string
  readonly prefix: string
  reached: Reached | undefined
  /** When a disk copy was read, by the monotonic clock. */
  fromDiskAt: number | undefined
  /** When a watermark last confirmed what is held, by the monotonic clock. */
  confirmedAt: number | undefined
  readonly #options: FollowerOptions
  #session: Session | undefined
  #opening: Promise<void> | undefined
  #nc: NatsConnection | undefined
  #markedAt = performance.now()
  #pollAt = 0
  #mismatches = 0
  #snapshotAfter = 0
  #probing = false
  #closed = false

  constructor(options: FollowerOptions) {
    this.#options = options
    this.graph = options.graph
    this.prefix = `${graphKey(options.environment, options.graph)}.`
    this.#schedulePoll()
  }

  get keys(): number {
    return this.#session?.seen.count ?? 0
  }

  /** A connection that never was, or one in place of one that was closed. */
  attach(nc: NatsConnection): void {
    this.#nc = nc
    void this.#open()
  }

  /** The same connection is up again; what was on its way over the old one is lost. */
  async reconnected(): Promise<void> {
    this.#markedAt = performance.now()
    const consumer = this.#session?.consumer
    if (!consumer) return this.#open()
    try {
      if (!(await consumer.exists())) return await this.#open()
      await this.#check()
    } catch (error) {
      this.#options.onError(error)
      this.#pollAt = 0
    }
  }

  /** Once a second. */
  tick(now: number, connected: boolean): void {
    if (this.#closed || !connected || !this.#nc) return
    const consumer = this.#session?.consumer
    if (!consumer || consumer.isSilent) {
      if (now >= this.#snapshotAfter) void this.#open()
    } else if (now >= this.#pollAt) {
      this.#schedulePoll()
      this.#check().catch(this.#options.onError)
    }
    if (now - this.#markedAt > PROBE_AFTER_MS) void this.#probe()
  }

  async close(): Promise<void> {
    this.#closed = true
    const session = this.#session
    this.#session = undefined
    const late = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_TIMEOUT_MS).unref())
    await Promise.all([session?.consumer?.close(), Promise.race([this.#opening, late])])
  }

  /** Makes a new consumer, which starts with a snapshot, unless one is being made. */
  #open(): Promise<void> {
    const nc = this.#nc
    if (!nc || this.#closed) return Promise.resolve()
    this.#opening ??= this.#openOver(nc).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #openOver(nc: NatsConnection): Promise<void> {
    const old = this.#session
    const session: Session = {
      nc,
      seen: new Digest(),
      foreign: new Map(),
      consumer: undefined,
      complete: false,
      lastSequence: 0,
      mark: undefined,
    }
    this.#session = session
    this.#backOff()
    try {
      if (old?.nc === nc) void old.consumer?.close()
      const { project, inboxPrefix } = this.#options
      const filter = `${keyPrefix(project)}${this.prefix}>`
      const opened = await GraphConsumer.open(
        nc,
        { stream: streamOf(project), filter, inboxPrefix },
        {
          onDelivery: (delivery) => this.#onDelivery(session, delivery),
          onGap: () => void this.#check().catch(this.#options.onError),
          onGone: () => {
            if (this.#session !== session) return
            const gone = session.consumer
            session.consumer = undefined
            this.#snapshotAfter = 0
            void gone?.close()
          },
        },
      )
      if (this.#closed || this.#session !== session) return await opened.consumer.close()
      session.consumer = opened.consumer
      if (opened.pending === 0) session.complete = true
    } catch (error) {
      this.#options.onError(error)
    }
  }

  async #onDelivery(session: Session, delivery: Delivery): Promise<void> {
    if (this.#session !== session) return
    session.lastSequence = delivery.streamSequence
    const key = delivery.subject.slice(keyPrefix(this.#options.project).length)
    const isMark = key.endsWith(`.${WATERMARK}`)
    // A marker of the key-value protocol says that somebody deleted a key: that takes nothing from a runner.
    if (isMark && !delivery.isMarker) await this.#onMark(session, delivery.data)
    else if (!isMark && !delivery.isMarker)
      await this.#onValue(session, key, delivery.data, delivery.traceparent)
    // A check takes its time; a snapshot that was begun meanwhile has the word then.
    if (this.#session !== session) return
    const completed = delivery.pending === 0 && !session.complete
    if (completed) session.complete = true
    if (session.complete && (isMark || completed)) this.#judge(session)
  }

  async #onValue(
    session: Session,
    key: string,
    data: Uint8Array,
    traceparent: string | undefined,
  ): Promise<void> {
    const { holdings } = this.#options
    const value = readValue(key, data)
    if (value.epoch !== undefined && value.revision !== undefined) {
      session.seen.set(key, value.epoch, value.revision)
    }
    if (value.type === 'unusable') {
      holdings.unusable(this.reached?.logId, this.graph, key.slice(this.prefix.length), value)
    } else if (value.logId === this.reached?.logId) {
      await this.#apply(key, value, traceparent)
    } else {
      // Without its trace: what a client finds at its first start was published whenever.
      session.foreign.set(key, value)
    }
  }

  async #apply(key: string, value: Value, traceparent?: string): Promise<void> {
    const followedLog = () => (this.#closed ? undefined : this.reached?.logId)
    const changed = await this.#options.holdings.offer(followedLog, key, value, 'live', traceparent)
    this.reached = further(this.reached, value)
    if (changed) this.#options.onChange('held')
  }

  async #onMark(session: Session, data: Uint8Array): Promise<void> {
    const mark = readWatermark(data)
    if (!mark) return
    session.mark = mark
    this.#markedAt = performance.now()
    if (this.reached?.logId !== mark.logId) {
      // Another log: its order starts anew. What is held is served until that log's own values replace it.
      this.reached = { logId: mark.logId, epoch: 0, position: 0n }
    }
    if (mark.checkpoint?.logId === mark.logId) this.#options.onCheckpoint(mark.checkpoint)
    for (const [key, value] of session.foreign) {
      if (value.logId !== mark.logId) continue
      session.foreign.delete(key)
      await this.#apply(key, value)
    }
  }

  /** In stream order, so that a watermark which differs means that something is missing here. */
  #judge(session: Session): void {
    const { mark } = session
    if (!mark || !mayJudge(this.reached, mark)) return
    if (!agrees(session.seen, mark)) {
      this.#mismatches++
      if (performance.now() >= this.#snapshotAfter) void this.#open()
      return
    }
    this.#mismatches = 0
    this.#snapshotAfter = 0
    this.reached = further(this.reached, mark)
    this.confirmedAt = performance.now()
    const swept = this.#options.holdings.sweep(this.graph, this.prefix, (key) => session.seen.has(key), mark)
    if (swept) this.#options.onChange('held')
    this.#options.onChange('confirmed')
  }

  /** One direct get of the watermark; only one that differs, and stays so, opens a snapshot. */
  async #check(): Promise<void> {
    const session = this.#session
    const found = await this.#readMark(PROBE_TIMEOUT_MS)
    if (!session || !found || this.#session !== session || !this.#differs(session, found.mark)) return
    if (found.streamSequence > session.lastSequence) {
      await new Promise((resolve) => setTimeout(resolve, IN_FLIGHT_MS).unref())
      if (this.#session !== session || session.lastSequence >= found.streamSequence) return
    }
    await this.#open()
  }

  #differs(session: Session, mark: Watermark): boolean {
    if (mark.logId !== this.reached?.logId) return true
    return mayJudge(this.reached, mark) && !agrees(session.seen, mark)
  }

  async #readMark(timeoutMs: number): Promise<{ mark: Watermark; streamSequence: number } | undefined> {
    const { project, environment, graph } = this.#options
    if (!this.#nc) return undefined
    const subject = `${keyPrefix(project)}${watermarkKey(environment, graph)}`
    const last = await lastOf(this.#nc, streamOf(project), subject, timeoutMs)
    const mark = last && readWatermark(last.data)
    return mark && { mark, streamSequence: last.streamSequence }
  }

  /** No watermark came. Either none is published, or the connection is dead and nobody has told us. */
  async #probe(): Promise<void> {
    const nc = this.#nc
    if (this.#probing || !nc) return
    this.#probing = true
    const deadline = new Promise<'late'>((resolve) => setTimeout(resolve, PROBE_TIMEOUT_MS, 'late').unref())
    try {
      if ((await Promise.race([nc.flush(), deadline])) === 'late') this.#options.onHalfOpen()
      else await this.#check()
    } catch (error) {
      this.#options.onError(error)
    } finally {
      this.#markedAt = performance.now()
      this.#probing = false
    }
  }

  #backOff(): void {
    const { least, most } = SNAPSHOT_BACKOFF_MS
    const wait = Math.min(most, least * 2 ** Math.min(this.#mismatches, 10))
    this.#snapshotAfter = performance.now() + wait
  }

  #schedulePoll(): void {
    this.#pollAt = performance.now() + POLL_EVERY_MS * (0.5 + Math.random())
  }
}

const agrees = (seen: Digest, mark: Watermark): boolean =>
  seen.count === mark.count && seen.hex === mark.digest
