// From a decision to the bytes that are appended: each event carries the hash of the one before it, so that any
// later alteration of a stream shows.
import { canonical, sha256 } from './canonical.js'
import type { Actor, EventMetadata } from './events.js'
import { eventIdOf } from './ids.js'
import { later } from './time.js'

/** An event ready for the log; `id` follows from everything else in it. */
export interface SealedEvent<E extends { type: string; data: object } = { type: string; data: object }> {
  readonly id: string
  readonly type: E['type']
  readonly data: E['data']
  readonly metadata: EventMetadata
}

/** Where in a stream an event goes: the stream's newest event, or undefined for the first. */
export type Head = { readonly revision: bigint; readonly hash: string; readonly at: string } | undefined

/** What the metadata of a command's events has in common. */
export interface Provenance {
  readonly stream: string
  readonly commandId: string
  readonly commandHash: string
  readonly actor: Actor
  readonly reason?: string
  readonly correlationId?: string
  readonly causationId?: string
  readonly now: string
}

/** The newest format of every event type. A change of format gets the next number and a step in `upcast.ts`. */
export const SCHEMA = 1

/** What the first event of a stream has in place of the hash before it. */
export const NO_HASH = '0'.repeat(64)

/** Seals events that follow one another after `head`. */
export function seal<E extends { type: string; data: object }>(
  events: readonly E[],
  head: Head,
  from: Provenance,
): SealedEvent<E>[] {
  const sealed: SealedEvent<E>[] = []
  let previous = head
  for (const { type, data } of events) {
    const revision = previous ? previous.revision + 1n : 0n
    const at = later(from.now, previous?.at)
    const unhashed: Omit<EventMetadata, 'hash'> = {
      $correlationId: from.correlationId ?? from.commandId,
      $causationId: from.causationId ?? from.commandId,
      commandId: from.commandId,
      commandHash: from.commandHash,
      actor: from.actor,
      ...(from.reason === undefined ? {} : { reason: from.reason }),
      schema: SCHEMA,
      at,
      dataHash: sha256(canonical(data)),
      previousHash: previous?.hash ?? NO_HASH,
    }
    const hash = hashOf(from.stream, revision, type, unhashed)
    sealed.push({ id: eventIdOf(hash), type, data, metadata: { ...unhashed, hash } })
    previous = { revision, hash, at }
  }
  return sealed
}

/** The hash of an event: over its place, its type and its metadata, which holds the hash of its data. */
export function hashOf(
  stream: string,
  revision: bigint,
  type: string,
  metadata: Omit<EventMetadata, 'hash'>,
): string {
  return sha256(canonical({ stream, revision: Number(revision), type, metadata }))
}
