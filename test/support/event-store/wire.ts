// Between the client's messages and the stand-in's own shapes.
import shared from '@eventstore/db-client/generated/shared_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import type { Expected } from './check.js'
import type { NewEvent, StoredEvent } from './event.js'

/** What a revision or position is where there is none: the greatest unsigned 64-bit number. */
export const NONE = '18446744073709551615'

export function streamOf(options: { getStreamIdentifier(): shared.StreamIdentifier | undefined }): string {
  return Buffer.from(options.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString('utf8')
}

export function identifier(stream: string): shared.StreamIdentifier {
  return new shared.StreamIdentifier().setStreamName(Buffer.from(stream))
}

interface ExpectedOptions {
  hasNoStream(): boolean
  hasAny(): boolean
  hasStreamExists(): boolean
}

/** @param revision what the message has in its field for a revision, when none of the names is set */
export function expectedOf(options: ExpectedOptions, revision: string): Expected {
  if (options.hasNoStream()) return 'no_stream'
  if (options.hasAny()) return 'any'
  if (options.hasStreamExists()) return 'stream_exists'
  return Number(revision)
}

type Proposed = streams.AppendReq.ProposedMessage | streams.BatchAppendReq.ProposedMessage

export function newEvent(message: Proposed): NewEvent {
  return {
    id: message.getId()?.getString().toLowerCase() ?? '',
    type: message.getMetadataMap().get('type') ?? '',
    contentType: message.getMetadataMap().get('content-type') ?? '',
    data: message.getData_asU8(),
    metadata: message.getCustomMetadata_asU8(),
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const NO_UUID = '00000000-0000-0000-0000-000000000000'

/** Whether the server can make an append out of it at all. */
export function isWellFormed(stream: string, events: readonly NewEvent[]): boolean {
  return stream !== '' && events.every(({ id, type }) => UUID.test(id) && id !== NO_UUID && type !== '')
}

/** An event as it is sent, under the link that led to it, if one did. */
export function readEvent(event: StoredEvent | undefined, link: StoredEvent | undefined): streams.ReadResp {
  const message = new streams.ReadResp.ReadEvent()
  if (event) message.setEvent(recorded(event))
  if (link) message.setLink(recorded(link))
  message.setCommitPosition(String((link ?? event)?.position))
  return new streams.ReadResp().setEvent(message)
}

function recorded(event: StoredEvent): streams.ReadResp.ReadEvent.RecordedEvent {
  const message = new streams.ReadResp.ReadEvent.RecordedEvent()
    .setId(new shared.UUID().setString(event.id))
    .setStreamIdentifier(identifier(event.stream))
    .setStreamRevision(event.revision)
    .setCommitPosition(String(event.position))
    .setPreparePosition(String(event.position))
    .setData(event.data)
    .setCustomMetadata(event.metadata)
  message
    .getMetadataMap()
    .set('type', event.type)
    .set('content-type', event.contentType)
    .set('created', event.created)
  return message
}

export function checkpoint(commit: number, prepare: number): streams.ReadResp {
  const message = new streams.ReadResp.Checkpoint()
    .setCommitPosition(String(commit))
    .setPreparePosition(String(prepare))
  return new streams.ReadResp().setCheckpoint(message)
}

/** A position in the log, undefined when it is the one that means none. */
export function positionOf(position: streams.ReadReq.Options.Position | undefined): number | undefined {
  const commit = position?.getCommitPosition()
  return commit === undefined || commit === NONE ? undefined : Number(commit)
}
