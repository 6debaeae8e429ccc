// What an append must be before any adapter looks at it: named, explicit, of a bounded size, and JSON. The JSON is
// written here, on the caller's side, so that nothing behind can trip over what has none, and so that what the caller
// does to its objects afterwards changes nothing.
import { type EventData, type ExpectedRevision, LogRejected } from './log.js'

/** UTF-8 bytes of data and metadata of one append that every adapter takes; EventStoreDB's default. */
export const APPEND_BYTES = 1024 * 1024

/** An event as it is stored: data and metadata are JSON text. */
export interface SealedEvent {
  readonly id: string
  readonly type: string
  readonly data: string
  readonly metadata: string
}

/** The events as JSON text, and the bytes that they have together. */
export interface SealedAppend {
  readonly sealed: readonly SealedEvent[]
  readonly bytes: number
}

/** @throws LogRejected it can never be written */
export function seal(stream: string, expected: ExpectedRevision, events: readonly EventData[]): SealedAppend {
  if (stream === '') throw new LogRejected('an append names no stream')
  if (isSystem(stream)) throw new LogRejected(`the name ${stream} is kept for the event store's own streams`)
  if (expected !== 'no_stream' && expected < 0n) throw new LogRejected(`${expected} is no revision`)
  if (events.length === 0) throw new LogRejected('an append of no events says nothing')
  let bytes = 0
  const sealed = events.map(({ id, type, data, metadata }) => {
    if (!type) throw new LogRejected(`an event in ${stream} has no type`)
    if (!UUID.test(id))
      throw new LogRejected(`an event in ${stream} has an id that is no UUID in lower case: ${id}`)
    if (isSystem(type)) throw new LogRejected(`the type ${type} is kept for the event store's own events`)
    const event = { id, type, data: jsonOf(data, id), metadata: jsonOf(metadata, id) }
    bytes += Buffer.byteLength(event.data) + Buffer.byteLength(event.metadata)
    return event
  })
  if (bytes > APPEND_BYTES)
    throw new LogRejected(`an append has ${bytes} bytes; at most ${APPEND_BYTES} are taken`, 'too-large')
  return { sealed, bytes }
}

/** Names that EventStoreDB keeps for itself. */
export const isSystem = (name: string): boolean => name.startsWith('$')

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

function jsonOf(value: object, id: string): string {
  let text: string | undefined
  let cause: unknown
  try {
    text = JSON.stringify(value)
  } catch (error) {
    cause = error
  }
  if (text === undefined) throw new LogRejected(`event ${id} cannot be written as JSON`, 'invalid', { cause })
  return text
}
