// The embedded log's file: one row an event, in the order of their positions. Storage format: old files are
// opened for ever, so a change of it counts FORMAT up and brings the step from the one before.

/** Kept in the file as `user_version`. */
export const FORMAT = 1

/** `streams.revision` repeats the newest event's, so that an append looks one row up instead of searching for it. */
export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS streams (
    stream_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    stream_id INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    metadata TEXT NOT NULL,
    UNIQUE (stream_id, revision)
  );
`
