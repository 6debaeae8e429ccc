// Every limit of the live changes in one place.

export const CHANGES_LIMITS = {
  /** Who watches at a time; one more is refused as busy. */
  watchers: 1_000,
  /** Newest changes that are kept for all who watch; who is further behind reads the log. */
  recent: 4_096,
  /** Events that one who is behind reads at a time. */
  page: 256,
  /** Pages that are read in one turn of the process. */
  reading: 4,
  /** After so long without a change a comment says that the stream is alive. */
  heartbeat_ms: 15_000,
  /** A stream ends after so long, and its reader comes again: what it may see is then asked anew. */
  life_ms: 60 * 60 * 1000,
  /** Before a log that was away is followed again. */
  retry_ms: 500,
} as const

export type ChangesLimits = { readonly [name in keyof typeof CHANGES_LIMITS]: number }
