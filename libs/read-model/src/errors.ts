// The failures that whoever projects or reads must tell apart.

/** Another projection moved the checkpoint: this one has lost its lead and must stop. */
export class CheckpointMoved extends Error {
  override readonly name = 'CheckpointMoved'
  constructor(readonly expected: bigint) {
    super(`the projection's checkpoint is no longer at position ${expected}: another projection moved it`)
  }
}

/** The log skipped an event of a stream, so every row after it would be wrong. */
export class RevisionGap extends Error {
  override readonly name = 'RevisionGap'
  constructor(
    readonly stream: string,
    readonly expected: bigint,
    readonly actual: bigint,
  ) {
    super(`stream ${stream} goes on at revision ${actual}, but ${expected} has not been projected`)
  }
}

/** The assistant's stream holds an event that cannot be read: nothing may be shown on top of it. */
export class StreamUnreadable extends Error {
  override readonly name = 'StreamUnreadable'
  constructor(
    readonly stream: string,
    readonly revision: bigint,
    readonly reason: string,
  ) {
    super(`stream ${stream} is quarantined since revision ${revision}: ${reason}`)
  }
}

/** What a query would answer has more bytes than its asker can be sent: reading has stopped there. */
export class ResultTooLarge extends Error {
  override readonly name = 'ResultTooLarge'
  constructor(readonly mostBytes: number) {
    super(`the answer has more than ${mostBytes} bytes`)
  }
}

/** A metadata filter has more parts than are looked for in one request. */
export class FilterTooLarge extends Error {
  override readonly name = 'FilterTooLarge'
  constructor(readonly most: number) {
    super(`the metadata filter has more than ${most} parts`)
  }
}

/** The database cannot be reached or does not answer in time. What was to be written may have been. */
export class ReadModelUnavailable extends Error {
  override readonly name = 'ReadModelUnavailable'
  constructor(why: string, cause?: unknown) {
    super(`the read database is unavailable: ${why}`, { cause })
  }
}
