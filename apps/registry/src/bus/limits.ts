// Every limit of the bus in one place.

export const BUS_LIMITS = {
  /** Requests whose handler runs. */
  running: 256,
  /** Requests that wait for one of those to end; past it the answer is `busy`, at once. */
  queued: 1024,
  /** Payload bytes of all requests running and waiting; past it the answer is `busy` too. One alone always fits. */
  admittedBytes: 64 * 1024 * 1024,
  /** Bytes of an answer while the broker has not said how many it takes; NATS's own default. */
  replyBytes: 1024 * 1024,
  /** Characters of a Nest packet's id, which is sent back as it came. */
  packetIdLength: 128,
  /** Characters of the sentence in the header `Nats-Service-Error`; the body has it whole. */
  errorHeaderLength: 256,
  /** How long a closing bus waits for handlers; who is left by then is answered `unavailable`. */
  drainMs: 10_000,
  /** How long a closing bus waits for the broker to have taken its last answers. */
  flushMs: 1_000,
  /** The wait between two attempts to reach the broker for the first time. */
  connectRetryMs: 250,
  /** How long one such attempt may take. */
  connectTimeoutMs: 5_000,
} as const

export type BusLimits = { readonly [name in keyof typeof BUS_LIMITS]: number }
