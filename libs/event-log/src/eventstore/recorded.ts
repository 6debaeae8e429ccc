// An event as the port has it, and which events of a shared event store a project may see at all.
import type { ResolvedEvent } from '@eventstore/db-client'
import type { RecordedEvent } from '../log.js'
import { isSystem } from '../seal.js'

/** The fields that both kinds of the client's events have. */
export type Resolved = Pick<ResolvedEvent, 'event'>

/**
 * The event, when there is one: neither a link that leads nowhere nor something of the event store's own, such as a
 * link, a stream's metadata or its tombstone.
 */
export function recordedOf({ event }: Resolved): RecordedEvent | undefined {
  if (!event || isSystem(event.streamId) || isSystem(event.type)) return undefined
  const { streamId: stream, revision, id, type, data, metadata } = event
  return { stream, revision, position: positionOf(event), id, type, data, metadata }
}

/** Where an event stands in the whole log: what the commit position says, as one integer. */
export function positionOf({ position, streamId }: NonNullable<Resolved['event']>): bigint {
  if (position === undefined || position.commit > LAST_POSITION)
    throw new Error(
      `the event store gives no position for an event of ${streamId}: it is older than version 22.6`,
    )
  return position.commit
}

/** Positions are signed on the server; an older one answers with the largest unsigned number for none. */
export const LAST_POSITION = 2n ** 63n - 1n

/** Which streams to see: those of a project, and of these the ones that begin with one of the prefixes. */
export interface Sight {
  readonly project: string
  readonly prefixes: readonly string[] | undefined
}

/**
 * A project's streams are `<category>.<project>` and `<category>.<project>-…`. A prefix alone would also let those of
 * a project through whose name only begins the same.
 */
export function isSeen({ project, prefixes }: Sight, stream: string): boolean {
  const dot = stream.indexOf('.')
  if (dot < 1 || !stream.startsWith(project, dot + 1)) return false
  const end = dot + 1 + project.length
  if (stream.length > end && stream[end] !== '-') return false
  return prefixes === undefined || prefixes.some((prefix) => stream.startsWith(prefix))
}
