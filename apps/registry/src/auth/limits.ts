// The limits of finding out who asks.

export const AUTH_LIMITS = {
  /** An auth module that has not loaded by then stops the start. */
  load_ms: 30_000,
  /** An authentication or handler that takes longer is answered for as unavailable. */
  handler_ms: 10_000,
  /** `auth.cache` where it does not say: for how long an identity is used again, and how many are kept; and the most. */
  cacheTtl_s: 60,
  cacheSize: 1_000,
  cacheMost: 100_000,
  /** UTF-16 units of an identity, as of every actor that is recorded. */
  identity: 255,
  /** How long the issuer's keys may take to be read, and for how long they are not read again for an unknown key. */
  jwksTimeout_ms: 5_000,
  jwksCooldown_ms: 30_000,
  /** After so long they are read again, so that a key which the issuer has withdrawn is taken no longer than that. */
  jwksAge_ms: 600_000,
  /** Clocks of issuer and service may differ by so much. */
  clockTolerance_s: 5,
  /** UTF-16 units of a token or key; a longer one is none. */
  token: 16_384,
  apiKey: 512,
  /** Keys that a file may have. */
  apiKeys: 10_000,
  /** Slow hashes that are computed at once, and checks that wait for their turn; one more is refused. */
  slowHashes: 2,
  slowHashesWaiting: 64,
} as const
