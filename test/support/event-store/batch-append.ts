// `Streams/BatchAppend`: one long call for many appends, each in chunks that carry its correlation id, each answered once.
import shared from '@eventstore/db-client/generated/shared_pb.js'
import status from '@eventstore/db-client/generated/status_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js'
import anyPb from 'google-protobuf/google/protobuf/any_pb.js'
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js'
import { bytesOf } from './append.js'
import type { Expected } from './check.js'
import type { Context } from './context.js'
import type { NewEvent } from './event.js'
import { refused } from './gate.js'
import { MAX_APPEND_BYTES } from './limits.js'
import type { Outcome } from './store.js'
import { expectedOf, identifier, newEvent, streamOf } from './wire.js'

type Call = ServerDuplexStream<streams.BatchAppendReq, streams.BatchAppendResp>

/** An append of which not all chunks have come yet. */
interface Batch {
  readonly options: streams.BatchAppendReq.Options
  readonly events: NewEvent[]
}

/** google.rpc.Code, of which the client's package has no enumeration. */
const CODES = { DEADLINE_EXCEEDED: 4, FAILED_PRECONDITION: 9, INVALID_ARGUMENT: 3 }

export function batchAppend(
  context: Context,
): handleBidiStreamingCall<streams.BatchAppendReq, streams.BatchAppendResp> {
  return (call) => {
    const batches = new Map<string, Batch>()
    call.on('data', (chunk: streams.BatchAppendReq) => {
      const id = chunk.getCorrelationId()?.getString() ?? ''
      const options = chunk.getOptions()
      if (options) batches.set(id, { options, events: [] })
      const batch = batches.get(id)
      if (!batch) return
      batch.events.push(...chunk.getProposedMessagesList().map(newEvent))
      if (!chunk.getIsFinal()) return
      batches.delete(id)
      void take(context, call, id, batch)
    })
    call.on('end', () => call.end())
  }
}

async function take(context: Context, call: Call, id: string, { options, events }: Batch): Promise<void> {
  const { faults, store } = context
  const refusal = refused(context, call.metadata, 'append')
  // A refusal of the whole call, which fails all that is under way on it.
  if (refusal) return void call.emit('error', refusal)
  if (faults.strike('hang-append')) return
  const stream = streamOf(options)
  const expected = expectedOf(options, options.getStreamPosition())
  const result = overdue(options)
    ? failed(CODES.DEADLINE_EXCEEDED, 'Timeout', 'event_store.client.Timeout', new shared.Timeout())
    : bytesOf(events) > MAX_APPEND_BYTES
      ? tooLarge()
      : resultOf(await store.write({ stream, expected, what: events }), stream, expected)
  if (faults.strike('drop-reply')) return
  await faults.delay()
  const reply = result
    .setCorrelationId(new shared.UUID().setString(id))
    .setStreamIdentifier(identifier(stream))
  setExpected(reply, expected)
  call.write(reply)
  if (faults.strike('duplicate-reply')) call.write(reply)
}

function overdue(options: streams.BatchAppendReq.Options): boolean {
  const deadline = options.getDeadline()
  return deadline !== undefined && deadline.toDate().getTime() <= Date.now()
}

function resultOf(outcome: Outcome, stream: string, expected: Expected): streams.BatchAppendResp {
  if (outcome.type === 'written') return succeeded(outcome.revision, outcome.position)
  if (outcome.type === 'deleted') {
    const details = new shared.StreamDeleted().setStreamIdentifier(identifier(stream))
    return failed(CODES.FAILED_PRECONDITION, 'Stream Deleted', 'event_store.client.StreamDeleted', details)
  }
  return failed(
    CODES.FAILED_PRECONDITION,
    'Wrong Expected Version',
    'event_store.client.WrongExpectedVersion',
    wrong(outcome.current, expected),
  )
}

function succeeded(revision: number, position: number): streams.BatchAppendResp {
  const success = new streams.BatchAppendResp.Success().setPosition(
    new shared.AllStreamPosition().setCommitPosition(String(position)).setPreparePosition(String(position)),
  )
  if (revision < 0) success.setNoStream(new emptyPb.Empty())
  else success.setCurrentRevision(String(revision))
  return new streams.BatchAppendResp().setSuccess(success)
}

function tooLarge(): streams.BatchAppendResp {
  const details = new shared.MaximumAppendSizeExceeded().setMaxappendsize(MAX_APPEND_BYTES)
  const type = 'event_store.client.MaximumAppendSizeExceeded'
  return failed(CODES.INVALID_ARGUMENT, 'Maximum Append Size Exceeded', type, details)
}

interface Details {
  serializeBinary(): Uint8Array
}

function failed(code: number, message: string, type: string, details: Details): streams.BatchAppendResp {
  const any = new anyPb.Any()
  any.pack(details.serializeBinary(), type)
  const error = new status.Status()
    .setCode(code as never)
    .setMessage(message)
    .setDetails(any)
  return new streams.BatchAppendResp().setError(error)
}

function wrong(current: number, expected: Expected): shared.WrongExpectedVersion {
  const message = new shared.WrongExpectedVersion()
  if (current < 0) message.setCurrentNoStream(new emptyPb.Empty())
  else message.setCurrentStreamRevision(String(current))
  if (expected === 'any') return message.setExpectedAny(new emptyPb.Empty())
  if (expected === 'no_stream') return message.setExpectedNoStream(new emptyPb.Empty())
  if (expected === 'stream_exists') return message.setExpectedStreamExists(new emptyPb.Empty())
  return message.setExpectedStreamPosition(String(expected))
}

function setExpected(reply: streams.BatchAppendResp, expected: Expected): void {
  if (expected === 'any') reply.setAny(new emptyPb.Empty())
  else if (expected === 'no_stream') reply.setNoStream(new emptyPb.Empty())
  else if (expected === 'stream_exists') reply.setStreamExists(new emptyPb.Empty())
  else reply.setStreamPosition(String(expected))
}
