// Following the log: subscription after subscription, each from where the one before had got to, for as long as it
// takes. It takes every way in which one ends, and those that freeze without ending, to be the same: subscribe again.
// What is yielded follows from positions alone: past what was seen, so nothing comes twice; from what was seen, so
// nothing is missed.
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import type { Followed, RecordedEvent } from '../log.js'
import { type Reading, subscriptionStart } from './all.js'
import { Connection } from './connection.js'
import { failureOf, lineOf } from './failures.js'
import { EVENTSTORE_LIMITS } from './limits.js'
import { type Look, lookPast } from './look.js'
import { isSeen, positionOf, type Resolved, recordedOf, type Sight } from './recorded.js'
import type { NodeSettings } from './settings.js'
import { Subscription } from './subscription.js'
import { TimeOver } from './within.js'

export interface FollowerOptions {
  readonly settings: NodeSettings
  readonly sight: Sight
  readonly after: bigint
  /** Each ends it, without an error. */
  readonly signals: readonly AbortSignal[]
  readonly trouble: (line: string) => void
}

/** The server ended a subscription as if all were said. */
class QuietEnd extends Error {}

export class Follower {
  /** Everything up to here was yielded or is not for us. */
  seen: bigint
  /** The newest position that it has heard of. */
  head: bigint
  live = false
  resubscriptions = 0
  /** Its own, so that nobody else's trouble becomes its trouble, and the other way round. */
  readonly connection: Connection
  private readonly ending = new AbortController()
  /** The position of the latest word that everything up to it was yielded. */
  private told = -1n

  constructor(private readonly options: FollowerOptions) {
    this.seen = options.after
    this.head = options.after
    this.connection = new Connection(options.settings)
  }

  /** Iterated once. */
  async *run(): AsyncGenerator<Followed> {
    const end = () => this.ending.abort()
    for (const signal of this.options.signals) {
      if (signal.aborted) end()
      signal.addEventListener('abort', end)
    }
    let vain = 0
    try {
      while (!this.ended) {
        const from = this.seen
        const began = performance.now()
        try {
          yield* this.subscribed()
        } catch (error) {
          if (this.ended) return
          this.live = false
          const lived = performance.now() - began > EVENTSTORE_LIMITS.lived_ms
          vain = this.seen > from || lived ? 0 : vain + 1
          await this.again(error, vain)
        }
      }
    } finally {
      for (const signal of this.options.signals) signal.removeEventListener('abort', end)
      end()
      await this.connection.close()
    }
  }

  private get ended(): boolean {
    return this.ending.signal.aborted
  }

  private get reading(): Reading {
    return { connection: this.connection, requiresLeader: false, signals: [this.ending.signal] }
  }

  /** One subscription, until it fails in whatever way. */
  private async *subscribed(): AsyncGenerator<Followed> {
    const { sight } = this.options
    const { from, skipped } = await subscriptionStart(this.reading, this.seen)
    const first = skipped && this.next(skipped.resolved)
    if (first) yield first
    const { client, release } = this.connection.take()
    const subscription = new Subscription(client, from, sight)
    const wake = () => subscription.source.wake()
    this.ending.signal.addEventListener('abort', wake)
    try {
      yield* this.taken(subscription)
    } catch (error) {
      if (!this.ended) this.connection.failed(client, error)
      throw error
    } finally {
      this.ending.signal.removeEventListener('abort', wake)
      subscription.source.release()
      release()
    }
  }

  private async *taken(subscription: Subscription): AsyncGenerator<Followed> {
    const { source } = subscription
    const watch = new Watch(subscription, () => lookPast(this.reading, this.seen, this.options.sight))
    let turned = false
    while (!this.ended) {
      const item = source.take()
      if (item) {
        const followed = this.next(item)
        if (!followed) continue
        yield followed
        watch.begin()
        turned = false
        continue
      }
      if (!turned) {
        // What came together is taken together: the rest of an append may be a turn away.
        await nextTurn()
        turned = true
        continue
      }
      if (subscription.checkpoint > this.seen) this.seen = subscription.checkpoint
      if (watch.nothingUpTo > this.seen) this.seen = watch.nothingUpTo
      if (this.seen > this.head) this.head = this.seen
      if (watch.head > this.head) this.head = watch.head
      this.live = subscription.live || watch.nothingUpTo >= this.seen
      if (this.live && this.seen > this.told) {
        this.told = this.seen
        yield { type: 'caught-up', position: this.seen }
        watch.begin()
        continue
      }
      if (source.failure) throw source.failure
      if (source.ended) throw new QuietEnd('the server ended the subscription')
      await watch.wait(this.seen)
    }
  }

  /** An item as it is yielded, when it is for us and was not yielded before. */
  private next({ event: resolved }: Resolved): Followed | undefined {
    if (!resolved || positionOf(resolved) <= this.seen) return undefined
    const event: RecordedEvent | undefined = recordedOf({ event: resolved })
    if (!event || !isSeen(this.options.sight, event.stream)) return undefined
    this.seen = event.position
    return { type: 'event', event }
  }

  private async again(error: unknown, vain: number): Promise<void> {
    this.resubscriptions += 1
    const { firstPause_ms, longestPause_ms } = EVENTSTORE_LIMITS
    const longest = vain === 0 ? 0 : Math.min(longestPause_ms, firstPause_ms * 2 ** (vain - 1))
    // Many followers are cut at once when a server goes: they had better not all come back at once.
    const pause_ms = Math.round(longest * (0.5 + Math.random() / 2))
    // A reader that was too slow for the server is nothing to worry about.
    if (failureOf(error).type !== 'given-up')
      this.options.trouble(
        `following the event store past position ${this.seen} broke off (${lineOf(error)}); again in ${pause_ms} ms`,
      )
    await pause(pause_ms, undefined, { signal: this.ending.signal }).catch(() => undefined)
  }
}

/** What happens while a follower waits: the looks past it, and the clocks of a subscription that says nothing. */
class Watch {
  nothingUpTo = -1n
  head = -1n
  private looking: Promise<void> | undefined
  private failure: unknown
  private owed = -1n
  private signs = -1
  /** Since when nothing has come to somebody who waits. */
  private since = performance.now()
  private lookedAt = Number.NEGATIVE_INFINITY

  constructor(
    private readonly subscription: Subscription,
    private readonly look: () => Promise<Look>,
  ) {}

  /** Somebody waits anew: until now it was the reader who let the server wait. */
  begin(): void {
    this.since = performance.now()
  }

  /**
   * Returns when there may be something new.
   * @throws TimeOver the subscription is frozen
   */
  async wait(seen: bigint): Promise<void> {
    const { confirmation_ms, stall_ms, look_ms } = EVENTSTORE_LIMITS
    const now = performance.now()
    if (this.signs !== this.subscription.signs) {
      this.signs = this.subscription.signs
      this.since = now
    }
    if (this.failure) throw this.failure
    const quiet_ms = now - this.since
    if (!this.subscription.confirmed && quiet_ms >= confirmation_ms)
      throw new TimeOver('the confirmation of a subscription', confirmation_ms)
    if (this.owed > seen && quiet_ms >= stall_ms) throw new TimeOver('an event that is in the log', stall_ms)
    // On the way to the end there is nothing to be found out, unless nothing comes any more.
    const due = this.subscription.live ? now - this.lookedAt >= look_ms : quiet_ms >= stall_ms
    if (this.subscription.confirmed && !this.looking && due) this.start()
    await this.subscription.source.change(look_ms)
  }

  private start(): void {
    this.lookedAt = performance.now()
    this.looking = this.look()
      .then(
        (look) => this.saw(look),
        (error) => {
          this.failure = error
        },
      )
      .finally(() => {
        this.looking = undefined
        this.subscription.source.wake()
      })
  }

  private saw(look: Look): void {
    if (look.type === 'unclear') return
    if (look.position > this.head) this.head = look.position
    if (look.type === 'owed') this.owed = look.position
    else this.nothingUpTo = look.position
  }
}
