// The log in an EventStoreDB or KurrentDB node or cluster, as the port has it. Appends, reads and each follower have a
// connection of their own; every wait has a limit; every failure comes out as one of the port's.
import { setMaxListeners } from 'node:events'
import {
  type AppendResult,
  BACKWARDS,
  END,
  FORWARDS,
  jsonEvent,
  type ReadRevision,
  type ReadStreamOptions as ReadStreamRequest,
  START,
} from '@eventstore/db-client'
import {
  type Appended,
  type Direction,
  type EventData,
  type EventLog,
  type ExpectedRevision,
  type Followed,
  type FollowOptions,
  LogInDoubt,
  LogUnavailable,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
} from '../log.js'
import { type SealedEvent, seal } from '../seal.js'
import { before, newest, past, type Reading } from './all.js'
import { Connection } from './connection.js'
import { appendFailure, failureOf, readFailure } from './failures.js'
import { Follower } from './follow.js'
import { EVENTSTORE_LIMITS } from './limits.js'
import { READ_AHEAD, readFrom } from './read.js'
import { isSeen, type Resolved, recordedOf } from './recorded.js'
import { type NodeSettings, readSettings } from './settings.js'
import { checkEventStore } from './start-check.js'
import { TimeOver, within } from './within.js'

export interface EventStoreLogOptions {
  /** A connection string, `esdb://user:password@host:2113?…`: TLS and credentials are in it. */
  readonly url: string
  /** Only streams `<category>.<project>` and `<category>.<project>-…` are seen by `readAll` and `follow`. */
  readonly project: string
  /** Called with one line for each thing that went wrong and was dealt with. */
  readonly onTrouble?: (line: string) => void
}

/** What there is to watch. Counts are since the opening. */
export interface EventStoreStats {
  readonly appendsInDoubt: number
  readonly replacedClients: number
  readonly resubscriptions: number
  readonly followers: readonly FollowerStats[]
}

export interface FollowerStats {
  /** Everything up to here was yielded, or was not for it. */
  readonly position: bigint
  /** The newest position that it knows of: in bytes of the log, `head - position` is how far it is behind. */
  readonly head: bigint
  readonly live: boolean
}

/** A log in an event store. */
export interface EventStoreLog extends EventLog {
  stats(): EventStoreStats
}

/**
 * Opens the log of a project, when the event store has what that takes. Close it, or its connections stay.
 * @throws EventStoreNotReady one line of what is missing and what to do
 */
export async function openEventStoreLog(options: EventStoreLogOptions): Promise<EventStoreLog> {
  const { url, project, onTrouble = () => undefined } = options
  const settings = readSettings(url, `assistant-ledger ${project}`)
  await checkEventStore(settings, project)
  return new LogOfEventStore(settings, project, onTrouble)
}

class LogOfEventStore implements EventStoreLog {
  private readonly appends: Connection
  private readonly reads: Connection
  private readonly followers = new Set<Follower>()
  private readonly underWay = new Set<Promise<unknown>>()
  private readonly closing = new AbortController()
  private closed: Promise<void> | undefined
  private inDoubt = 0
  /** Of followers that have ended. */
  private past = { replaced: 0, resubscriptions: 0 }

  constructor(
    private readonly settings: NodeSettings,
    private readonly project: string,
    private readonly trouble: (line: string) => void,
  ) {
    // Each read and each follower listens to it.
    setMaxListeners(0, this.closing.signal)
    this.appends = new Connection(settings)
    this.reads = new Connection(settings)
  }

  async append(stream: string, expected: ExpectedRevision, events: readonly EventData[]): Promise<Appended> {
    const { sealed } = seal(stream, expected, events)
    this.checkOpen()
    const appending = this.appendSealed(stream, expected, sealed)
    this.underWay.add(appending)
    try {
      return await appending
    } finally {
      this.underWay.delete(appending)
    }
  }

  private async appendSealed(
    stream: string,
    expected: ExpectedRevision,
    sealed: readonly SealedEvent[],
  ): Promise<Appended> {
    try {
      const result = await onceMoreIfNotDone(() => this.send(stream, expected, sealed))
      const { nextExpectedRevision: revision, position } = result
      return { revision, position: position?.commit ?? (await this.positionOf(stream, revision)) }
    } catch (error) {
      const failure = appendFailure(error, failureOf(error), stream, expected)
      if (failure instanceof LogInDoubt) {
        this.inDoubt += 1
        this.trouble(`an append to ${stream}: ${failure.message}`)
      }
      throw failure
    }
  }

  /** The client gets objects of its own: it writes their JSON at some later time, and must not trip over them. */
  private send(
    stream: string,
    expectedRevision: ExpectedRevision,
    sealed: readonly SealedEvent[],
  ): Promise<AppendResult> {
    const { append_ms } = EVENTSTORE_LIMITS
    const events = sealed.map(({ id, type, data, metadata }) =>
      jsonEvent({ id, type, data: JSON.parse(data), metadata: encoder.encode(metadata) }),
    )
    // The call's own deadline is a little earlier, so that it has ended when nobody waits for it any more.
    const options = { expectedRevision, requiresLeader: true, deadline: append_ms - DEADLINE_AHEAD_MS }
    return this.appends.use((client) =>
      within(client.appendToStream(stream, events, options), append_ms, 'an append'),
    )
  }

  /** Where an event stands that the server says it has, without saying where. */
  private async positionOf(stream: string, revision: bigint): Promise<bigint> {
    for await (const { position } of this.readStream(stream, { from: revision, limit: 1 })) return position
    throw new LogInDoubt(
      `whether revision ${revision} of ${stream} was written is unknown: it cannot be read`,
    )
  }

  async *readStream(stream: string, options: ReadStreamOptions = {}): AsyncGenerator<RecordedEvent> {
    const { direction = 'forward', from, limit = Number.POSITIVE_INFINITY, signal } = options
    if (limit <= 0 || isPastTheEnd(direction, from)) return
    const request: ReadStreamRequest = {
      direction: direction === 'forward' ? FORWARDS : BACKWARDS,
      fromRevision: firstRevision(direction, from),
      maxCount: Math.min(limit, Number.MAX_SAFE_INTEGER),
      requiresLeader: true,
    }
    const read = () =>
      readFrom<Resolved>(
        this.reads,
        (client) => client.readStream(stream, request, READ_AHEAD),
        this.signals(signal),
      )
    for await (const resolved of this.asReads(read, signal)) {
      const event = recordedOf(resolved)
      if (event) yield event
    }
  }

  async *readAll(options: ReadAllOptions = {}): AsyncGenerator<RecordedEvent> {
    const { direction = 'forward', after, limit = Number.POSITIVE_INFINITY, prefixes, signal } = options
    if (limit <= 0) return
    const sight = { project: this.project, prefixes }
    const reading = this.reading(signal)
    const read = () => (direction === 'forward' ? past(reading, after ?? 0n) : before(reading, after))
    let left = limit
    for await (const { resolved } of this.asReads(read, signal)) {
      const event = recordedOf(resolved)
      if (!event || !isSeen(sight, event.stream)) continue
      yield event
      left -= 1
      if (left <= 0) return
    }
  }

  async *follow({ after = 0n, prefixes, signal }: FollowOptions): AsyncGenerator<Followed> {
    if (signal.aborted || this.closed) return
    const follower = new Follower({
      settings: this.settings,
      sight: { project: this.project, prefixes },
      after,
      signals: [signal, this.closing.signal],
      trouble: this.trouble,
    })
    this.followers.add(follower)
    try {
      yield* follower.run()
    } finally {
      this.followers.delete(follower)
      this.past.replaced += follower.connection.replaced
      this.past.resubscriptions += follower.resubscriptions
    }
  }

  async head(): Promise<bigint> {
    const read = async function* (reading: Reading) {
      yield await newest(reading)
    }
    for await (const position of this.asReads(() => read(this.reading(undefined)), undefined)) return position
    return 0n
  }

  /** Others write to it too. */
  mayGoPast(): boolean {
    return true
  }

  stats(): EventStoreStats {
    const followers = [...this.followers]
    const sum = (count: (follower: Follower) => number) =>
      followers.reduce((total, follower) => total + count(follower), 0)
    return {
      appendsInDoubt: this.inDoubt,
      replacedClients:
        this.appends.replaced +
        this.reads.replaced +
        this.past.replaced +
        sum(({ connection }) => connection.replaced),
      resubscriptions: this.past.resubscriptions + sum(({ resubscriptions }) => resubscriptions),
      followers: followers.map(({ seen, head, live }) => ({ position: seen, head, live })),
    }
  }

  close(): Promise<void> {
    this.closed ??= this.end()
    return this.closed
  }

  /** Appends are waited for, which they are not for longer than their limit; all else is cut. */
  private async end(): Promise<void> {
    this.closing.abort(new LogUnavailable('the log is closed'))
    await Promise.allSettled(this.underWay)
    await Promise.all([
      this.appends.close(),
      this.reads.close(),
      ...[...this.followers].map(({ connection }) => connection.close()),
    ])
  }

  private reading(signal: AbortSignal | undefined): Reading {
    return { connection: this.reads, requiresLeader: true, signals: this.signals(signal) }
  }

  private signals(signal: AbortSignal | undefined): readonly AbortSignal[] {
    return signal ? [signal, this.closing.signal] : [this.closing.signal]
  }

  /** A read with the port's errors. */
  private async *asReads<Item>(
    read: () => AsyncGenerator<Item>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Item> {
    for (let attempt = 1; ; attempt++) {
      let any = false
      try {
        for await (const item of read()) {
          any = true
          yield item
        }
        return
      } catch (error) {
        if (signal?.aborted) throw signal.reason
        if (error instanceof LogUnavailable) throw error
        const failure = failureOf(error)
        if (failure.type === 'no-stream' || failure.type === 'deleted') return
        // For the same reasons as an append; and a read that was cut before it began may just as well begin again.
        const again = failure.type === 'not-leader' || failure.type === 'not-sent' || failure.type === 'lost'
        if (again && !(error instanceof TimeOver) && !any && attempt === 1) continue
        throw readFailure(error, failure)
      }
    }
  }

  private checkOpen(): void {
    if (this.closed) throw new LogUnavailable('nothing was written: the log is closed')
  }
}

const DEADLINE_AHEAD_MS = 200

/** Of plain bytes, which the client takes as they are; a buffer it would copy. */
const encoder = new TextEncoder()

/** Whether no stream has anything there, whichever the stream. */
const isPastTheEnd = (direction: Direction, from: bigint | undefined): boolean =>
  from !== undefined && (direction === 'forward' ? from > LAST_REVISION : from < 0n)

/** Where a read begins, within what the server can count. */
function firstRevision(direction: Direction, from: bigint | undefined): ReadRevision {
  if (direction === 'forward') return from === undefined || from < 0n ? START : from
  return from === undefined || from > LAST_REVISION ? END : from
}

const LAST_REVISION = 2n ** 63n - 1n

/**
 * What was certainly not done is tried again at once: whoever does not lead says who does, and the client's next call
 * goes there; a connection to a leader that is gone shows only by a call that fails on it.
 */
async function onceMoreIfNotDone<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    const { type } = failureOf(error)
    if (type !== 'not-leader' && type !== 'not-sent') throw error
    return call()
  }
}
