// Every limit of PostgreSQL's connections in one place. A database that has gone makes an error of each call, never a
// call that waits for good.

export const POSTGRES_LIMITS = {
  /** Connections that queries share. */
  connections: 8,
  /** To connect, or to wait for a connection that is in use. */
  connect_ms: 1_000,
  /** For a query, the wait for a connection included. */
  query_ms: 2_000,
  /** For one statement of the projection: a batch may be large. */
  write_ms: 15_000,
  /**
   * After its last statement a transaction that goes no further is ended by the server: a frozen process would
   * otherwise keep the checkpoint's row for good.
   */
  idleTransaction_ms: 3_000,
  /** For the start's own transaction, which may wait for that of another replica. */
  migrate_ms: 30_000,
  /** A connection that nobody has used for so long is closed. */
  idle_ms: 60_000,
  /** Between two looks whether the connection that listens still answers. */
  listen_ms: 2_000,
  /** Between two attempts to connect it again; doubled up to the most. */
  reconnect_ms: 100,
  reconnectMost_ms: 1_000,
  /** A connection that does not end in good order by then is cut. */
  close_ms: 1_000,
  /** Statements that each connection keeps prepared; the shapes of searches are the most of them. */
  prepared: 512,
} as const
