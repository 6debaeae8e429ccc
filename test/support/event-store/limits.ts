// The server's limits, as its version 23.10 has them without being told otherwise.

/** Of an append's data in all; metadata and types are not counted. */
export const MAX_APPEND_BYTES = 1024 * 1024
/** Of one gRPC message. */
export const MAX_MESSAGE_BYTES = 17 * 1024 * 1024
/** Calls open at once on one connection: one more waits until another ends. */
export const MAX_CALLS_PER_CONNECTION = 100
export const KEEP_ALIVE_MS = 10_000
/** Events read, or looked at for a filter, at a time. */
export const PAGE_EVENTS = 32
/** Events that wait for a live subscriber; past that it is too slow. */
export const LIVE_BUFFER_EVENTS = 32
/** For how long the server waits for a write of its own. */
export const WRITE_TIMEOUT_MS = 2_000
