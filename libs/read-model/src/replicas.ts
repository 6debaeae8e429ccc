// What the replicas of a registry tell each other through the database: who is there, which projection version
// answers, and what each of them cannot read. What follows from it is decided elsewhere.

/** A process that has the read model open. */
export interface Replica {
  readonly id: string
  /** The projection version that it reads and writes. */
  readonly version: number
}

/** An event that a replica cannot read, most likely because another wrote it in a newer schema. */
export interface Unreadable {
  readonly replica: string
  readonly stream: string
  readonly revision: bigint
  readonly reason: string
}

/** All of it is what the database says now; each call may throw `ReadModelUnavailable`. */
export interface Replicas {
  /** This process. */
  readonly self: Replica
  /** Says that this replica lives, and resolves with the projection version that serves. To be called every few seconds. */
  beat(): Promise<number>
  /** Those that have been heard of within `REPLICA_LIMITS.silent_ms`. */
  live(): Promise<Replica[]>
  /**
   * Lets this replica's projection version serve: to be called when it has caught up with the log. It does when it is
   * newer than the one that serves, or when no live replica is on that one any longer.
   * @returns whether it serves
   */
  serve(): Promise<boolean>
  /**
   * Drops the tables of the versions that neither serve nor have a live replica.
   * @returns these versions
   */
  dropUnused(): Promise<number[]>
  /** Notes that this replica cannot read an event, once for each stream. */
  noteUnreadable(stream: string, revision: bigint, reason: string): Promise<void>
  /** The notes of all live replicas. */
  unreadable(): Promise<Unreadable[]>
  /** Takes this replica's notes back: all of them, or that of one stream. */
  clearUnreadable(stream?: string): Promise<void>
}

export const REPLICA_LIMITS = {
  /** A replica that has not been heard of for so long is gone. */
  silent_ms: 15_000,
} as const
