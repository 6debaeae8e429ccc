// What an import sends: claims, which are compared with what is stored, and events, which are written.
import { readEvent, refuse, UnreadableEvent } from '@assistant-ledger/assistant'
import { RefusalError } from '../bus/contract.js'
import { invalid } from '../envelope.js'

export interface GivenClaim {
  readonly stream: string
  readonly from: number
  readonly ids: readonly string[]
  readonly first: boolean
}

export interface GivenEvent {
  readonly stream: string
  readonly revision: number
  readonly id: string
  readonly type: string
  readonly data: object
  readonly metadata: object
}

type Body = Readonly<Record<string, unknown>>

const MOST = 10_000

/** @throws RefusalError `invalid-request` naming the field */
export const readClaims = (body: Body, project: string): readonly GivenClaim[] =>
  listIn(body, 'claims').map((given, index) => {
    const { stream, from, ids, first } = given as Partial<GivenClaim>
    const at = `claims/${index}`
    const texts = Array.isArray(ids) && ids.length <= MOST && ids.every((id) => typeof id === 'string')
    if (!texts) throw invalid(`${at}/ids must be a list of at most ${MOST} ids`, `${at}/ids`)
    return {
      stream: streamIn(stream, project, at),
      from: revisionIn(from, `${at}/from`),
      ids,
      first: first === true,
    }
  })

/** @throws RefusalError `invalid-request` naming the field */
export const readEvents = (body: Body, project: string): readonly GivenEvent[] =>
  listIn(body, 'events').map((given, index) => {
    const { stream, revision, id, type, data, metadata } = given as Partial<GivenEvent>
    const at = `events/${index}`
    if (typeof id !== 'string' || typeof type !== 'string' || !isObject(data) || !isObject(metadata))
      throw invalid(`${at} must have id, type, data and metadata`, at)
    const event = {
      stream: streamIn(stream, project, at),
      revision: revisionIn(revision, `${at}/revision`),
      id,
      type,
      data,
      metadata,
    }
    mustBeReadable(event)
    return event
  })

/** An assistant's event that cannot be read would make the assistant unreadable. */
function mustBeReadable(event: GivenEvent): void {
  if (!event.stream.startsWith('assistant.')) return
  try {
    readEvent({ ...event, revision: BigInt(event.revision) })
  } catch (error) {
    if (error instanceof UnreadableEvent) throw invalidEvent(event.stream, event.revision, error.why)
    throw error
  }
}

function listIn(body: Body, field: string): readonly object[] {
  const list = body[field]
  if (!Array.isArray(list) || list.length > MOST || !list.every(isObject))
    throw invalid(`${field} must be a list of at most ${MOST} objects`, field)
  return list
}

/** What a log says of itself is not among them: it is true of that log's own positions only. */
function streamIn(stream: unknown, project: string, at: string): string {
  const categories = ['assistant', 'fleet', 'graph'].map((category) => `${category}.${project}-`)
  if (typeof stream === 'string' && categories.some((beginning) => stream.startsWith(beginning)))
    return stream
  throw invalid(`${at}/stream must begin with one of ${categories.join(', ')}`, `${at}/stream`)
}

function revisionIn(revision: unknown, at: string): number {
  if (Number.isSafeInteger(revision) && (revision as number) >= 0) return revision as number
  throw invalid(`${at} must be a revision`, at)
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const invalidEvent = (stream: string, revision: number, why: string): RefusalError =>
  invalid(`Event ${revision} of stream ${stream} is refused: ${why}`)

export const conflicting = (stream: string, revision: number, why: string): RefusalError =>
  new RefusalError(
    refuse('conflict', `Event ${revision} of stream ${stream} is refused: ${why}`, { revision }),
  )

/** What an import was of. @throws RefusalError `invalid-request` naming the field */
export function readNote({ log_id, epoch, events, written, chain }: Body) {
  if (typeof log_id !== 'string' || log_id.length > 100) throw invalid('log_id must be a text', 'log_id')
  if (typeof chain !== 'string' || !/^[\da-f]{64}$/.test(chain))
    throw invalid('chain must be a SHA-256 in hex', 'chain')
  return {
    log_id,
    epoch: revisionIn(epoch, 'epoch'),
    events: revisionIn(events, 'events'),
    written: revisionIn(written, 'written'),
    chain,
  }
}
