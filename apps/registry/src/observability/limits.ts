// Every limit of what is observed in one place.

export const OBSERVE_LIMITS = {
  /** Between two looks at how far the parts are. */
  look_ms: 1_000,
  /** A part that has not answered a look by then is taken for away. */
  answer_ms: 2_000,
  /** How long one failed append says that the log is away; after it, it is asked again. */
  appendFailed_ms: 10_000,
  /** A projection or publication that is behind for longer is said to be. */
  behind_s: 10,
  /** A watermark, written every 2 s, that is older says that runners cannot tell whether they are up to date. */
  watermark_s: 15,
  /** Commands whose trace is remembered until they are published; the oldest goes first. */
  traces: 10_000,
  /** Quarantined streams that the readiness names. */
  quarantined: 20,
} as const
