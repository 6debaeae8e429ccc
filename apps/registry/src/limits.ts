// Every limit of the service in one place: of what a request may hold, and of every queue, retry and wait of the
// command service. What the content of a version may hold is the domain's (CONTENT_LIMITS); what the bus admits
// is in `bus/limits.ts`.

export const LIMITS = {
  /** Commands of one assistant that wait for their turn; one more is refused as busy. */
  waitingPerAssistant: 1_000,
  /** A command whose turn comes later than this is refused: those before it wait for a log that does not answer. */
  turn_ms: 8_000,
  /** Decisions a command gets before it is refused as `conflict`: each lost race costs one. */
  decisions: 8,
  /** Times the very same events are sent to a log that did not say whether it has them. */
  appends: 7,
  /** After so long no further such attempt begins. */
  append_ms: 8_000,
  /** Between such attempts, doubled each time. */
  appendPause_ms: 50,
  /** How long the reply to a command waits for the read model to show its effect. */
  readModelWait_ms: 2_000,
  /** Queries that read whole contents at once; more wait for their turn, so that memory holds so many answers only. */
  contentQueries: 4,
  /** How long a query waits for the position that it asks for at least. */
  minPositionWait_ms: 2_000,
  /** By how much the clock of whoever asks for a time may be ahead; a time beyond that is yet to come. */
  clocks_ms: 60_000,
  /** UTF-16 units of headers that name or explain something. */
  idempotencyKey: 255,
  actor: 255,
  reason: 2_000,
  /** UTF-16 units of the name filter of a search. */
  nameFilter: 1_000,
  /** Rows of one answer, and how many are skipped before them at most. */
  pageSize: 1_000,
  defaultPageSize: 10,
  fleetPageSize: 100,
  offset: 1_000_000_000,
  /** Fields of a `select`. */
  select: 16,
  /** Environments that ENVIRONMENTS may declare, and the characters of each name. */
  environments: 16,
  environmentName: 64,
  /** Between attempts to set up the project's assets on a NATS server that has no JetStream yet. */
  publicationRetry_ms: 1_000,
  /** Between two looks whether a log that was accepted is the one that NATS knows by now. */
  acceptedEvery_ms: 250,
  /** How long a start waits for JetStream to say whether the log is behind before commands are served all the same. */
  publicationStart_ms: 5_000,
  /**
   * Events that one checkpoint covers at most while the publication follows closely: what a lost tail could hide is
   * bounded by it, and a signature and an append among a thousand cost nothing.
   */
  checkpointEvents: 1_000,
  /** How long the first event that no checkpoint covers waits for one: an installation at rest is covered whole. */
  checkpointQuiet_ms: 10_000,
  /** Before a checkpoint that could not be signed is tried again. */
  checkpointRetry_ms: 1_000,
  /** Events that are hashed at a stretch before requests have their turn. */
  checkpointReadAhead: 64,
  /** How long a stop waits for what is being published; a NATS that is away must not hold it up. */
  publicationStop_ms: 500,
  /** Between attempts of a start to reach the servers that it needs. */
  openRetry_ms: 500,
  /** Between two lines about one kind of trouble with EventStoreDB. */
  troubleEvery_ms: 10_000,
  /** Between losing a lead, or giving it up, and the next attempt to have it. */
  leadPause_ms: 500,
  /** Between two looks of the projecting replica at whether its version serves and others are used. */
  serveEvery_ms: 10_000,
  /** A stop that takes longer is cut short: what is acknowledged is in the log already. */
  stop_ms: 8_000,
} as const
