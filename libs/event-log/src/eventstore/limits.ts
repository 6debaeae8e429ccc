// Every wait and every amount of the EventStoreDB adapter: the client itself has no timers for most of what it does.

/** The limits of the EventStoreDB adapter. */
export const EVENTSTORE_LIMITS = {
  /** An append whose answer takes longer is in doubt. The server itself gives up after 2 s for each of its steps. */
  append_ms: 3_000,
  /** Between two messages of a read that somebody waits for. */
  read_ms: 5_000,
  /** For the whole check at the start, each of its steps. */
  check_ms: 10_000,
  /** From a subscription's start until the server has confirmed it. */
  confirmation_ms: 5_000,
  /** How often a follower that has nothing to yield looks whether the log has moved on without it. */
  look_ms: 500,
  /** Newest events that such a look goes back over; further back, the subscription's checkpoints tell. */
  lookEvents: 4_096,
  /** An event that is in the log and does not come: after so long without any message the subscription is made anew. */
  stall_ms: 5_000,
  /** Events considered between two checkpoints of a subscription, in the server's windows of 32. */
  checkpointInterval: 32,
  /** Events that a read or a subscription keeps ready for whoever takes them. */
  readAhead: 64,
  /** Before a subscription is made again: doubled from the first to the second with each attempt that brought nothing. */
  firstPause_ms: 50,
  longestPause_ms: 5_000,
  /** A subscription that lived so long has brought something, whatever it yielded. */
  lived_ms: 10_000,
  /** A client that failed is replaced at most so often. */
  replace_ms: 1_000,
  /** How long a stop waits for calls to end that it has cut. */
  dispose_ms: 1_000,
  /** What the client takes to find a cluster's leader, where the connection string does not say: seconds a node. */
  gossip_s: 2,
} as const
