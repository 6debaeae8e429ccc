// What the embedded log takes at once, wherever something could grow: an append, a transaction, a queue, a page.

import { APPEND_BYTES } from './seal.js'

/** The limits of the embedded log. */
export const EMBEDDED_LIMITS = {
  /** UTF-8 bytes of data and metadata of one append; EventStoreDB's default. */
  appendBytes: APPEND_BYTES,
  /** Appends that share one transaction, and so one fsync. */
  batchAppends: 512,
  /** Bytes of one transaction; the append that passes it is the last one in. */
  batchBytes: 16 * 1024 * 1024,
  /** Bytes of all appends that wait for their outcome; past it, appends are turned away as unavailable. */
  waitingBytes: 128 * 1024 * 1024,
  /** Newest events that are kept in memory for whoever follows closely, by number and by characters of their JSON. */
  recentEvents: 4096,
  recentBytes: 8 * 1024 * 1024,
  /** Streams whose newest position is kept in memory; of others it is only known that they are older. */
  recentStreams: 10_000,
  /** Events read from the file before others get the thread. */
  pageEvents: 256,
  /** Bytes of data in one page; the event that passes it is the last one in. */
  pageBytes: 2 * 1024 * 1024,
} as const
