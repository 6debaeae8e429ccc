// Every limit of the HTTP side in one place.

export const HTTP_LIMITS = {
  /** Bytes of a request's body: a version's content in JSON that escapes every character of it. */
  bodyBytes: 4 * 1024 * 1024,
  /** Bytes of one that is read all the same, so that its sender hears why it is refused; past it the connection ends. */
  readBytes: 8 * 1024 * 1024,
  /** Bytes of a list that is read for one answer; what is larger is refused and asked for in parts. */
  replyBytes: 32 * 1024 * 1024,
  /** Characters of one part of a path. */
  pathPart: 500,
  /** How long a client may take to send a request. */
  request_ms: 60_000,
  /** Requests that run, that wait for one of those to end, and the bytes of their bodies: past it they are `busy`. */
  running: 256,
  queued: 1024,
  admittedBytes: 64 * 1024 * 1024,
  /** How long one who reads a stream may take nothing of it before they are let go. */
  stall_ms: 60_000,
  /** How long a stop waits for what is under way. */
  drain_ms: 10_000,
  /** UTF-16 units of an answer that a connection may still be sending when its request is done with. */
  largeAnswer: 64 * 1024,
  /** How long a stop waits for such answers to be taken by those who asked. */
  taken_ms: 2_000,
  /** Characters of an `x-request-id` that is taken over from a client. */
  requestId: 128,
  /** Seconds after which a client may try again what was `busy` or `unavailable`. */
  retryAfter_s: 1,
} as const
