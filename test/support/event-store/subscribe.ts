// Subscriptions: confirmed, then everything after their start, then what is written, as it is written.
import { randomUUID } from 'node:crypto'
import { setImmediate as immediate } from 'node:timers/promises'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import { Checkpoints } from './checkpoints.js'
import type { StoredEvent } from './event.js'
import { filterOf } from './filter.js'
import { LIVE_BUFFER_EVENTS, PAGE_EVENTS } from './limits.js'
import { resolved } from './read.js'
import { consumerTooSlow, handlerThrew, streamDeleted } from './refusals.js'
import type { Sink } from './sink.js'
import type { Store } from './store.js'
import type { Streams } from './streams.js'
import { positionOf, streamOf } from './wire.js'

type Options = streams.ReadReq.Options

/**
 * What a live subscriber gets for which more events wait than are kept for one: an error (23.10, which so ends healthy
 * subscribers too when 33 events or more are written at once), a way back to catching up (24.2 and later), or patience
 * (no server).
 */
export type Slow = 'abort' | 'fall-behind' | 'wait'

export class Subscriptions {
  private readonly open = new Set<Subscription>()

  constructor(
    private readonly store: Store,
    private readonly slow: Slow,
  ) {}

  async start(sink: Sink, options: Options): Promise<void> {
    const stream = options.getStream()
    const log = this.store.streams
    if (stream && log.isTombstoned(streamOf(stream))) return sink.refuse(streamDeleted(streamOf(stream)))
    const position = positionOf(options.getAll()?.getPosition())
    if (position !== undefined && !log.isReadable(position)) return sink.refuse(handlerThrew())
    const subscription = new Subscription(this.store, sink, options, this.slow)
    this.open.add(subscription)
    await subscription.run()
    this.open.delete(subscription)
  }

  /** Ends all that are open, with OK. */
  end(): void {
    for (const subscription of this.open) subscription.end()
  }

  /** Leaves all that are open without another word. */
  silence(): void {
    for (const subscription of this.open) subscription.silence()
  }

  /** Ends all that are open, as too slow. */
  abort(): void {
    for (const subscription of this.open) subscription.abort()
  }
}

class Subscription {
  private readonly log: Streams
  /** Undefined when it is to the whole log. */
  private readonly stream: string | undefined
  private readonly matches: (event: StoredEvent) => boolean
  private readonly checkpoints: Checkpoints | undefined
  /** Index of the next event to look at. */
  private next: number
  private live = false
  private wake: () => void = () => undefined

  constructor(
    private readonly store: Store,
    private readonly sink: Sink,
    private readonly options: Options,
    private readonly slow: Slow,
  ) {
    this.log = store.streams
    const from = options.getStream()
    const filter = options.getFilter()
    this.stream = from && streamOf(from)
    this.next = from ? startInStream(this.log, from) : startInAll(this.log, options)
    this.matches = filter ? filterOf(filter) : () => true
    this.checkpoints = filter && new Checkpoints(filter)
  }

  async run(): Promise<void> {
    const written = () => {
      this.wake()
      // By then it has sent what its connection takes at once.
      setImmediate(() => this.checkPace())
    }
    this.store.events.on('written', written)
    void this.sink.closed.then(() => this.wake())
    const confirmation = new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId(randomUUID())
    this.sink.send(new streams.ReadResp().setConfirmation(confirmation))
    for (let event = await this.following(); event; event = await this.following()) {
      this.next += 1
      const matches = this.matches(event)
      if (matches) this.sink.send(resolved(this.log, event, this.options))
      const checkpoint = this.checkpoints?.after(event, matches, this.live)
      if (checkpoint) this.sink.send(checkpoint)
      await this.sink.ready()
      if (this.next % PAGE_EVENTS === 0) await immediate()
    }
    this.store.events.off('written', written)
  }

  /** Ends it with OK. */
  end(): void {
    this.sink.end()
  }

  /** What it is to send next never comes. */
  silence(): void {
    this.next = Number.POSITIVE_INFINITY
  }

  abort(): void {
    this.sink.refuse(consumerTooSlow())
  }

  private events(): readonly StoredEvent[] {
    return this.stream === undefined ? this.log.all : this.log.events(this.stream)
  }

  /** The next event, once there is one; undefined when the call has ended. */
  private async following(): Promise<StoredEvent | undefined> {
    while (this.sink.isOpen) {
      const event = this.events()[this.next]
      if (event) return event
      if (this.stream !== undefined && this.endsWithTombstone(this.stream)) continue
      // A stream that is not there yet has nothing to catch up with.
      if (!this.live && (this.stream === undefined || this.log.isFound(this.stream))) {
        this.live = true
        this.sink.send(new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()))
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
    return undefined
  }

  private endsWithTombstone(stream: string): boolean {
    const tombstone = this.log.tombstone(stream)
    if (!tombstone) return false
    this.sink.send(resolved(this.log, tombstone, this.options))
    this.sink.refuse(streamDeleted(stream))
    return true
  }

  private checkPace(): void {
    if (!this.live || this.slow === 'wait') return
    const waiting = this.events().slice(this.next).filter(this.matches).length
    if (waiting <= LIVE_BUFFER_EVENTS) return
    this.live = false
    if (this.slow === 'abort') this.abort()
    else this.sink.send(new streams.ReadResp().setFellBehind(new streams.ReadResp.FellBehind()))
  }
}

/** The start is after the given revision. */
function startInStream(log: Streams, from: streams.ReadReq.Options.StreamOptions): number {
  const stream = streamOf(from)
  if (from.hasEnd() || log.isSoftDeleted(stream)) return log.events(stream).length
  return Math.max(log.first(stream), from.hasStart() ? 0 : Number(from.getRevision()) + 1)
}

/** The start is after the given position. */
function startInAll(log: Streams, options: Options): number {
  const from = options.getAll()
  if (!from || from.hasStart()) return 0
  const position = from.hasEnd() ? undefined : positionOf(from.getPosition())
  return position === undefined ? log.all.length : log.indexOf(position + 1)
}
