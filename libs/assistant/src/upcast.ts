// From stored bytes to today's events. Old formats are brought up here and nowhere else; golden files hold one
// stored event of every type and schema that ever was.
import type { AssistantEvent, EventMetadata, Recorded } from './events.js'
import { SCHEMA } from './seal.js'

/** An event as a log gives it back. */
export interface StoredEvent {
  readonly stream: string
  readonly revision: bigint
  readonly type: string
  readonly data: unknown
  readonly metadata: unknown
}

/** The event was written by a newer version, or is damaged: nothing may be decided or shown on top of it. */
export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent'
  constructor(
    readonly stream: string,
    readonly revision: bigint,
    readonly why: string,
  ) {
    super(`event ${revision} of stream ${stream} cannot be read: ${why}`)
  }
}

/** The fields that each type must have, and of what type each is; everything else follows from them. */
const FIELDS: Record<AssistantEvent['type'], Record<string, 'string' | 'number' | 'object'>> = {
  AssistantCreated: {
    assistant_id: 'string',
    generation: 'number',
    version: 'number',
    content: 'object',
    salt: 'string',
  },
  ConfigChanged: { version: 'number', content: 'object', salt: 'string' },
  VersionPromoted: { version: 'number', environment: 'string', salt: 'string' },
  AssistantDeleted: { salt: 'string' },
  CommandNoted: {
    verb: 'string',
    generation: 'number',
    version: 'number',
    updated_at: 'string',
    salt: 'string',
  },
}

const METADATA = {
  commandId: 'string',
  commandHash: 'string',
  actor: 'object',
  at: 'string',
  hash: 'string',
} as const

/**
 * Reads a stored event of an `assistant.` stream.
 * @throws UnreadableEvent when its type or schema is unknown, or a field is missing
 */
export function readEvent(stored: StoredEvent): Recorded {
  const { stream, revision, type } = stored
  const unreadable = (why: string) => new UnreadableEvent(stream, revision, why)
  const metadata = stored.metadata as EventMetadata | undefined
  if (typeof metadata !== 'object' || metadata === null) throw unreadable('it has no metadata')
  if (!Number.isInteger(metadata.schema)) throw unreadable('its metadata names no schema')
  if (metadata.schema > SCHEMA) throw unreadable(`its schema ${metadata.schema} is newer than ${SCHEMA}`)
  if (!Object.hasOwn(FIELDS, type)) throw unreadable(`its type ${type} is not known`)
  const missing =
    missingField(metadata, METADATA) ?? missingField(stored.data, FIELDS[type as AssistantEvent['type']])
  if (missing) throw unreadable(`its field ${missing} is missing or of another type`)
  return { revision, event: { type, data: stored.data } as AssistantEvent, metadata }
}

function missingField(value: unknown, fields: Readonly<Record<string, string>>): string | undefined {
  if (typeof value !== 'object' || value === null) return 'data'
  const has = value as Record<string, unknown>
  return Object.keys(fields).find((field) => typeof has[field] !== fields[field] || has[field] === null)
}
