// The port between the service and its log: what an event store must do for us, and nothing it may do besides.
// Two adapters implement it (the embedded file, EventStoreDB) and pass one contract suite.

/** The revision that a stream must be at for an append: always explicit, `any` does not exist here. */
export type ExpectedRevision = bigint | 'no_stream'

/**
 * An event to append: plain JSON objects, ids chosen by the caller (UUID in lower case), the same on every retry.
 * Types and stream names that begin with `$` are the event store's own.
 */
export interface EventData {
  readonly id: string
  readonly type: string
  readonly data: object
  readonly metadata: object
}

/** An event as stored. `data` and `metadata` are parsed JSON; anything else comes as the raw text or bytes. */
export interface RecordedEvent {
  readonly stream: string
  /** From 0, without gaps in a stream. */
  readonly revision: bigint
  /** Strictly increasing over the whole log, not contiguous. */
  readonly position: bigint
  readonly id: string
  readonly type: string
  readonly data: unknown
  readonly metadata: unknown
}

/** Where an append landed: revision and position of its last event. */
export interface Appended {
  readonly revision: bigint
  readonly position: bigint
}

export type Direction = 'forward' | 'backward'

export interface ReadStreamOptions {
  readonly direction?: Direction
  /** First revision to yield, inclusive. Absent: the stream's start (forward) or end (backward). */
  readonly from?: bigint
  /** At most so many events. Absent: all. */
  readonly limit?: number
  /** Ends the iteration by throwing its reason: a part of a stream is never taken for the whole. */
  readonly signal?: AbortSignal
}

export interface ReadAllOptions {
  readonly direction?: Direction
  /** Yield only events after (forward) or before (backward) this position, exclusive. */
  readonly after?: bigint
  /** Only streams whose name starts with one of these. Absent: all. */
  readonly prefixes?: readonly string[]
  /** At most so many events. Absent: all. */
  readonly limit?: number
  /** Ends the iteration by throwing its reason. */
  readonly signal?: AbortSignal
}

export interface FollowOptions {
  readonly after?: bigint
  readonly prefixes?: readonly string[]
  /** Ends the iteration, without an error. */
  readonly signal: AbortSignal
}

/** What a follower sees. */
export type Followed =
  | { readonly type: 'event'; readonly event: RecordedEvent }
  /** Everything up to `position` has been yielded or did not match. Comes after each catch-up, and may repeat. */
  | { readonly type: 'caught-up'; readonly position: bigint }

export interface EventLog {
  /**
   * Appends all events or none, durable before it resolves. Idempotent as EventStoreDB is: events whose ids already
   * stand right after `expected` give the first outcome again. Any other error is a defect, of the adapter or of what
   * stands behind it.
   * @throws LogConflict the stream is at another revision
   * @throws LogInDoubt whether it was written is unknown: send the very same events again
   * @throws LogUnavailable nothing was written
   * @throws LogRejected it can never be written as it is (empty, too large, not JSON, not allowed, stream deleted)
   */
  append(stream: string, expected: ExpectedRevision, events: readonly EventData[]): Promise<Appended>
  /**
   * A stream's events; a stream that does not exist, or that an admin of the event store deleted, has none. (Appends to
   * one that was deleted for good are rejected; one that was not goes on counting where it ended.)
   * @throws LogUnavailable the log cannot be read
   */
  readStream(stream: string, options?: ReadStreamOptions): AsyncIterable<RecordedEvent>
  /** @throws LogUnavailable the log cannot be read */
  readAll(options?: ReadAllOptions): AsyncIterable<RecordedEvent>
  /**
   * All events after a position, then new ones as they come, as fast as the reader takes them, in order, once each.
   * A follower that has nothing to yield still gets to every position that `head` has answered, within seconds. A
   * server that goes away only makes it wait: it follows again by itself for as long as it takes. Also ends, without an
   * error, when this log is closed.
   * @throws LogUnavailable this log failed for good under it (embedded: its file takes no more)
   */
  follow(options: FollowOptions): AsyncIterable<Followed>
  /** Position of the newest event, of whoever it is, 0n for an empty log. */
  head(): Promise<bigint>
  /**
   * False only when the stream has no event past `position` for certain, which a log with one writer knows without a
   * look. True says nothing.
   */
  mayGoPast(stream: string, position: bigint): boolean
  /** Waits for the appends under way, then lets go of everything. */
  close(): Promise<void>
}

/** The stream was not at the expected revision. */
export class LogConflict extends Error {
  override readonly name = 'LogConflict'
  constructor(
    readonly stream: string,
    readonly expected: ExpectedRevision,
    readonly actual: ExpectedRevision,
  ) {
    super(`stream ${stream} is at ${actual}, not at ${expected}`)
  }
}

/** The append may or may not have been written. */
export class LogInDoubt extends Error {
  override readonly name = 'LogInDoubt'
}

/** The log cannot be reached; nothing was written. */
export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable'
}

/** Why an append can never be taken as it is: too many bytes, no right to write, the stream deleted for good, or malformed. */
export type Rejection = 'too-large' | 'denied' | 'deleted' | 'invalid'

/** The append can never be taken as it is. */
export class LogRejected extends Error {
  override readonly name = 'LogRejected'
  constructor(
    message: string,
    readonly reason: Rejection = 'invalid',
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
