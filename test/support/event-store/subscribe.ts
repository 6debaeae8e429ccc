// Subscriptions: confirmed, then everything after their start, then what is written, as it is written.
import { randomUUID } from 'node:crypto'
import { setImmediate as immediate } from 'node:timers/promises'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import type { StoredEvent } from './event.js'
import { LIVE_BUFFER_EVENTS, PAGE_EVENTS } from './limits.js'
import { resolved } from './read.js'
import { consumerTooSlow, streamDeleted } from './refusals.js'
import type { Sink } from './sink.js'
import type { Store } from './store.js'
import type { Streams } from './streams.js'
import { checkpoint, positionOf, streamOf } from './wire.js'

type Options = streams.ReadReq.Options

/**
 * How long a live subscriber's connection may be full, with more events waiting than are kept for it. The server does
 * not wait at all; here one process has to write and to be read from, and a little patience keeps tests of what is not
 * slow from being about speed.
 */
const SLOW_AFTER_MS = 100

export class Subscriptions {
  private readonly open = new Set<Subscription>()

  /** @param slow what a too slow subscriber gets: an error (23.10) or a way back to catching up (24.2 and later) */
  constructor(
    private readonly store: Store,
    private readonly slow: 'abort' | 'fall-behind',
  ) {}

  async start(sink: Sink, options: Options): Promise<void> {
    const stream = options.getStream()
    const log = this.store.streams
    if (stream && log.isTombstoned(streamOf(stream))) return sink.refuse(streamDeleted(streamOf(stream)))
    const subscription = new Subscription(this.store, sink, options, this.slow)
    this.open.add(subscription)
    await subscription.run()
    this.open.delete(subscription)
  }

  /** Ends all that are open, with OK. */
  end(): void {
    for (const subscription of this.open) subscription.end()
  }

  /** Ends all that are open, as too slow. */
  abort(): void {
    for (const subscription of this.open) subscription.abort()
  }
}

class Subscription {
  private readonly log: Streams
  private readonly events: () => readonly StoredEvent[]
  private readonly matches: (event: StoredEvent) => boolean
  private readonly checkpointEvery: number
  /** Index of the next event to look at. */
  private next: number
  private live = false
  private wake: () => void = () => undefined

  constructor(
    private readonly store: Store,
    private readonly sink: Sink,
    private readonly options: Options,
    private readonly slow: 'abort' | 'fall-behind',
  ) {
    this.log = store.streams
    const stream = options.getStream()
    const filter = options.getFilter()
    this.events = stream ? () => this.log.events(streamOf(stream)) : () => this.log.all
    this.next = stream ? startInStream(this.log, stream) : startInAll(this.log, options)
    this.matches = filter ? filterOf(filter) : () => true
    this.checkpointEvery = filter
      ? (filter.getMax() || PAGE_EVENTS) * filter.getCheckpointintervalmultiplier()
      : Number.POSITIVE_INFINITY
  }

  async run(): Promise<void> {
    const wake = () => this.wake()
    const watch = setInterval(() => this.checkPace(), SLOW_AFTER_MS)
    this.store.events.on('written', wake)
    void this.sink.closed.then(wake)
    const confirmation = new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId(randomUUID())
    this.sink.send(new streams.ReadResp().setConfirmation(confirmation))
    for (let considered = 1; ; considered++) {
      const event = await this.following()
      if (!event) break
      this.next += 1
      if (this.matches(event)) this.sink.send(resolved(this.log, event, this.options))
      if (considered % this.checkpointEvery === 0) this.sink.send(checkpoint(event.position))
      await this.sink.ready()
      if (considered % PAGE_EVENTS === 0) await immediate()
    }
    clearInterval(watch)
    this.store.events.off('written', wake)
  }

  /** Ends it with OK. */
  end(): void {
    this.sink.end()
  }

  abort(): void {
    this.sink.refuse(consumerTooSlow())
  }

  /** The next event, once there is one; undefined when the call has ended. */
  private async following(): Promise<StoredEvent | undefined> {
    while (this.sink.isOpen) {
      const event = this.events()[this.next]
      if (event) return event
      if (!this.live) this.sink.send(new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()))
      this.live = true
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
    return undefined
  }

  private checkPace(): void {
    if (!this.live || this.sink.fullForMs < SLOW_AFTER_MS) return
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
  if (from.hasEnd()) return log.events(stream).length
  return Math.max(log.first(stream), from.hasStart() ? 0 : Number(from.getRevision()) + 1)
}

/** The start is after the given position. */
function startInAll(log: Streams, options: Options): number {
  const from = options.getAll()
  if (!from || from.hasStart()) return 0
  const position = from.hasEnd() ? undefined : positionOf(from.getPosition())
  return position === undefined ? log.all.length : log.indexOf(position + 1)
}

function filterOf(filter: streams.ReadReq.Options.FilterOptions): (event: StoredEvent) => boolean {
  const byStream = filter.getStreamIdentifier()
  const expression = byStream ?? filter.getEventType()
  const prefixes = expression?.getPrefixList() ?? []
  const regex = new RegExp(expression?.getRegex() ?? '')
  const matches = (text: string) =>
    prefixes.length > 0 ? prefixes.some((prefix) => text.startsWith(prefix)) : regex.test(text)
  return byStream ? ({ stream }) => matches(stream) : ({ type }) => matches(type)
}
