// Every limit of the check against schemas, in one place.

export const VALIDATION_LIMITS = {
  /** Compiled schemas that are kept, the last used. */
  schemas: 64,
  /** Time that starting the thread may take. */
  start_ms: 30_000,
  /** UTF-8 bytes of one that is compiled, as JSON; those of configurations have a few hundred, or a few thousand. */
  schemaBytes: 128 * 1024,
  /** Time that compiling one may take; the checks that wait for the thread wait that long too. */
  compile_ms: 10_000,
  /** Time that checking one value may take: a thousand times what it takes, for a machine that is busy. */
  check_ms: 2_000,
  /** How long a command waits for what is only noted. */
  noted_ms: 5_000,
  /** After a schema took longer, it is left alone for this long. */
  rest_ms: 60_000,
  /** Schemas that are remembered as faulty or resting. */
  remembered: 1_000,
  /** Checks that wait for the thread; one more is refused as busy. */
  waiting: 1_000,
  /** Errors that the thread tells of one value, before they are put together. */
  errors: 500,
  /** Violations that are told and recorded of one content. */
  violations: 20,
  /** UTF-16 units of a pointer and of a message. */
  pointer: 200,
  message: 300,
  /** Memory of the thread. */
  heapMb: 256,
  stackMb: 4,
} as const
