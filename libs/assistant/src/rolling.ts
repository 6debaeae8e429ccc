// The rolling hash over a whole log: one event after the other, whatever stream each is of, in the log's order. It needs
// no memory of streams, and shows what a hash of each stream's end would not: that events of two streams changed places.
import { canonical, sha256 } from './canonical.js'
import { ledgerStream, streamPrefixes } from './names.js'

/** A log up to a position. */
export interface Rolling {
  /** Of the last event that counts; 0n before the first. */
  readonly position: bigint
  /** Events up to there. */
  readonly count: number
  /** SHA-256, hex. */
  readonly hash: string
}

export const ROLLING_START: Rolling = { position: 0n, count: 0, hash: '0'.repeat(64) }

const HASH = /^[0-9a-f]{64}$/

/**
 * The log with one more event: SHA-256 of the canonical JSON of [the hash before, the event's `hash`]. An event that has
 * no hash counts as the empty text, so that the order of the rest is still shown; `verify` names it.
 */
export function rollOn(
  { count, hash }: Rolling,
  event: { readonly position: bigint; readonly metadata: unknown },
): Rolling {
  const sealed = (event.metadata as { hash?: unknown } | null | undefined)?.hash
  const step = typeof sealed === 'string' && HASH.test(sealed) ? sealed : ''
  return { position: event.position, count: count + 1, hash: sha256(canonical([hash, step])) }
}

/** Whether a stream is of a project: what the rolling hash goes over. Another project's ledger may begin alike. */
export function isOfProject(project: string): (stream: string) => boolean {
  const ledger = ledgerStream(project)
  const prefixes = streamPrefixes(project).filter((prefix) => prefix !== ledger)
  return (stream) => stream === ledger || prefixes.some((prefix) => stream.startsWith(prefix))
}
