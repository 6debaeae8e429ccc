// What a worker can listen to, and the states that it can be in.
import type { Checkpoint, CheckpointContradiction } from './checkpoint.js'
import type { Followed } from './followed.js'

/**
 * `starting`: nothing was confirmed yet. `live`: what is held equals what is published. `stale`: it did, or a disk
 * copy is served. `detached`: stale for so long that somebody should look.
 */
export type FollowState = 'starting' | 'live' | 'stale' | 'detached'

/** A configuration was not swapped in. */
export interface Rejection {
  readonly id: string
  /** What goes on being served, if anything is. */
  readonly kept: string | undefined
  /** Undefined for what could not even be read. */
  readonly refused: string | undefined
  readonly reason: string
}

export interface FollowEvents {
  /** A configuration was swapped in; runs that start from now on use it. `from` is absent the first time. */
  readonly reload: {
    readonly id: string
    readonly from: string | undefined
    readonly to: string
    readonly assistant: Followed
  }
  readonly rejected: Rejection
  /** An assistant is held no longer. */
  readonly removed: {
    readonly id: string
    readonly from: string
    readonly reason: 'deleted' | 'moved' | 'unknown'
  }
  readonly state: { readonly from: FollowState; readonly to: FollowState }
  /** The disk copy cannot be used, read or written, and why; the client goes on without. */
  readonly cache: { readonly state: CacheState; readonly detail: string }
  /** A signed checkpoint contradicts the one that is kept: the log was rewritten or cut off. Somebody has to look. */
  readonly checkpoint: CheckpointContradiction
  /** Something else became of a graph's descriptor. */
  readonly descriptor: DescriptorStatus
}

/** How far the registration of one graph's descriptor has come. */
export interface DescriptorStatus {
  readonly graph: string
  /** SHA-256, hex, of its canonical JSON; undefined when it cannot be sent. */
  readonly hash: string | undefined
  /**
   * `waiting`: no registry has taken it yet, an older one never will. `refused`: the registry says no, and is asked again
   * every minute. `failed`: it could not be made, or cannot be sent.
   */
  readonly state: 'waiting' | 'registered' | 'refused' | 'failed'
  readonly detail: string
}

export type CacheState = 'none' | 'ok' | 'locked' | 'corrupt' | 'failed'

export interface GraphStatus {
  readonly graph: string
  readonly state: FollowState
  /** Milliseconds since a watermark confirmed what is held; undefined when none has yet. */
  readonly confirmedAgeMs: number | undefined
  /** Keys in the bucket, tombstones and unwanted ones included. */
  readonly keys: number
  readonly position: string | undefined
  readonly epoch: number | undefined
}

/** What this instance has reported to the registry. */
export interface ReportCounts {
  /** Not acknowledged yet. */
  readonly waiting: number
  /** Since the start, those that wait and those that were dropped included. */
  readonly made: number
  /** Given up, the oldest first, because too many waited. */
  readonly dropped: number
}

export interface FollowStatus {
  /** The worst of the graphs. */
  readonly state: FollowState
  /** Milliseconds in this state. */
  readonly ageMs: number
  readonly connected: boolean
  /** The number of assistants held. */
  readonly held: number
  readonly graphs: readonly GraphStatus[]
  readonly cache: { readonly state: CacheState; readonly detail: string }
  /** The newest signed checkpoint of the log that this client was told of, from disk or since. */
  readonly checkpoint: Checkpoint | undefined
  /** What was told since the start and contradicts it. */
  readonly checkpointContradiction: CheckpointContradiction | undefined
  /** Random, new at each start: which process of the runner this is, in its reports and its presence. */
  readonly instance: string
  readonly reports: ReportCounts
  /** Of each graph whose descriptor is made. */
  readonly descriptors: readonly DescriptorStatus[]
  /** The last thing that went wrong between this client and NATS. */
  readonly lastError: string | undefined
}
