// What is said on the wire: the values of the bucket and the messages of the event stream.
import {
  type AssistantEvent,
  type Checkpoint,
  type EventMetadata,
  type Ledger,
  sha256,
} from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { ConfigKey } from '@assistant-ledger/read-model'
import { headers, type MsgHdrs } from '@nats-io/transport-node'

/** Order of values: the current epoch first, then the revision that set the key. */
export interface Order {
  readonly logId: string
  readonly epoch: number
  readonly revision: number
}

/** The value of a configuration key: a configuration, or a tombstone with `state` in place of content. */
export function configValue(key: ConfigKey, ledger: Ledger, project: string): string {
  const envelope = {
    v: 1,
    log_id: ledger.logId,
    epoch: ledger.epoch,
    position: String(key.position),
    project,
    environment: key.environment,
    assistant_id: key.assistantId,
    generation: key.generation,
    version: key.version,
    revision: Number(key.revision),
  }
  const promoted = { promotedAt: key.promotedAt, promotedBy: key.promotedBy }
  switch (key.state) {
    case 'live':
      return JSON.stringify({ ...envelope, content: key.content, contentHash: key.contentHash, ...promoted })
    case 'deleted':
      return JSON.stringify({ ...envelope, state: 'deleted', ...promoted })
    case 'moved':
      return JSON.stringify({ ...envelope, state: 'moved', to: key.to, ...promoted })
    default:
      return key satisfies never
  }
}

/** Below the first revision of every stream: an assistant that is made under such a key is news. */
export const UNKNOWN_REVISION = -1

/** What a key says that the log does not know: it is of another log, or of events that a restored copy lost. */
export function unknownKeyTombstone(
  key: { environment: string; assistantId: string },
  order: Order,
  project: string,
  position: bigint,
): string {
  return JSON.stringify({
    v: 1,
    log_id: order.logId,
    epoch: order.epoch,
    position: String(position),
    project,
    environment: key.environment,
    assistant_id: key.assistantId,
    generation: 0,
    version: 0,
    revision: order.revision,
    state: 'deleted',
  })
}

/** What a watermark adds for one key, as bytes to XOR. */
export const digestPart = (key: string, { epoch, revision }: Order): Buffer =>
  Buffer.from(sha256(`${key} ${epoch} ${revision}`), 'hex')

export interface Watermark {
  readonly log_id: string
  readonly epoch: number
  readonly position: string
  readonly count: number
  readonly digest: string
  /** The log's newest signed checkpoint; absent as long as there is none. */
  readonly checkpoint?: Checkpoint
}

/** The publish checkpoint. `publisher` names the process that wrote it, so that a fenced one knows its own writes. */
export interface PublishCheckpoint {
  readonly log_id: string
  readonly epoch: number
  readonly position: string
  /** Sequence of the event stream's last message by then. */
  readonly sequence: number
  readonly publisher: string
}

export const ID_HEADER = 'Nats-Msg-Id'
export const POSITION_HEADER = 'Ledger-Position'

/** An event as the stream carries it: CloudEvents in binary mode, the body is the event's data. */
export function eventMessage(
  { stream, revision, position, id, type, data, metadata }: RecordedEvent,
  project: string,
): { headers: MsgHdrs; body: string } {
  const { at, hash, $correlationId } = metadata as EventMetadata
  const all = headers()
  all.set(ID_HEADER, id)
  all.set('ce-specversion', '1.0')
  all.set('ce-id', id)
  all.set('ce-source', `/assistant-ledger/${project}`)
  all.set('ce-type', type satisfies string as AssistantEvent['type'])
  all.set('ce-subject', stream.slice(stream.indexOf('-') + 1))
  all.set('ce-time', at)
  all.set('ce-correlationid', $correlationId)
  all.set('Content-Type', 'application/json')
  all.set(POSITION_HEADER, String(position))
  all.set('Ledger-Revision', String(revision))
  all.set('Ledger-Hash', hash)
  return { headers: all, body: JSON.stringify(data) }
}
