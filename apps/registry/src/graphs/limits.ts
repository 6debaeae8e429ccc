// Every limit of what is kept and asked of graphs, in one place.

export const GRAPH_LIMITS = {
  /** Registrations of one graph that wait for their turn; one more is refused as busy. */
  waitingPerGraph: 1_000,
  /** Descriptors of one graph that are looked at: the newest of those that live runners name. */
  inForce: 16,
  /** Hashes that are looked up for that. */
  named: 128,
  /** Descriptors that are kept in memory, the last used. */
  kept: 32,
} as const
