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
import { MAX_APPEND_BYTES, WRITE_TIMEOUT_MS } from './limits.js'
import type { Outcome } from './store.js'
import { expectedOf, identifier, isWellFormed, newEvent, streamOf } from './wire.js'

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

async function take(context: Context, call: Call, id: string, batch: Batch): Promise<void> {
  const { faults, store } = context
  const refusal = refused(context, call.metadata, 'append')
  // A refusal of the whole call, which fails all that is under way on it.
  if (refusal) return void call.emit('error', refusal)
  if (faults.strike('hang-append')) return
  const { options, events } = batch
  const stream = streamOf(options)
  const expected = expectedOf(options, options.getStreamPosition())
  const result =
    notTaken(stream, batch) ??
    resultOf(await store.write({ stream, expected, what: events }), stream, expected)
  if (faults.strike('drop-reply')) return
  await faults.delay()
  const reply = result
    .setCorrelationId(new shared.UUID().setString(id))
    .setStreamIdentifier(identifier(stream))
  setExpected(reply, expected)
  send(call, reply)
  if (faults.strike('duplicate-reply')) send(call, reply)
  // The server answers what it could make nothing of a second time, when it has given up waiting for the write.
  if (!isWellFormed(stream, events)) setTimeout(() => send(call, again(reply)), WRITE_TIMEOUT_MS)
}

function send(call: Call, reply: streams.BatchAppendResp): void {
  if (call.writable) call.write(reply)
}

function again(reply: streams.BatchAppendResp): streams.BatchAppendResp {
  const timeout = failed(CODES.DEADLINE_EXCEEDED, 'Timeout', new shared.Timeout())
  return timeout.setCorrelationId(reply.getCorrelationId()).setStreamIdentifier(reply.getStreamIdentifier())
}

/** Why an append is not even tried. */
function notTaken(stream: string, { options, events }: Batch): streams.BatchAppendResp | undefined {
  const deadline = options.getDeadline()
  if (deadline && deadline.toDate().getTime() <= Date.now())
    return failed(CODES.DEADLINE_EXCEEDED, 'Timeout', new shared.Timeout())
  if (!isWellFormed(stream, events))
    return failed(CODES.INVALID_ARGUMENT, 'BadRequest', new shared.BadRequest())
  if (bytesOf(events) <= MAX_APPEND_BYTES) return undefined
  const details = new shared.MaximumAppendSizeExceeded().setMaxappendsize(MAX_APPEND_BYTES)
  return failed(CODES.INVALID_ARGUMENT, 'MaximumAppendSizeExceeded', details)
}

function resultOf(outcome: Outcome, stream: string, expected: Expected): streams.BatchAppendResp {
  if (outcome.type === 'written') return succeeded(outcome.revision, outcome.position)
  if (outcome.type === 'wrong-expected-version')
    return failed(CODES.FAILED_PRECONDITION, 'WrongExpectedVersion', wrong(outcome.current, expected))
  const details = new shared.StreamDeleted().setStreamIdentifier(identifier(stream))
  return failed(CODES.FAILED_PRECONDITION, 'StreamDeleted', details)
}

function succeeded(revision: number, position: number | undefined): streams.BatchAppendResp {
  const success = new streams.BatchAppendResp.Success()
  if (position === undefined) success.setNoPosition(new emptyPb.Empty())
  else success.setPosition(positionAt(position))
  if (revision < 0) success.setNoStream(new emptyPb.Empty())
  else success.setCurrentRevision(String(revision))
  return new streams.BatchAppendResp().setSuccess(success)
}

function positionAt(position: number): shared.AllStreamPosition {
  return new shared.AllStreamPosition()
    .setCommitPosition(String(position))
    .setPreparePosition(String(position))
}

/** @param type the name of the message that `details` is, by which the client tells the errors apart */
function failed(
  code: number,
  type: string,
  details: { serializeBinary(): Uint8Array },
): streams.BatchAppendResp {
  const any = new anyPb.Any()
  any.pack(details.serializeBinary(), `event_store.client.${type}`)
  const error = new status.Status()
    .setCode(code as never)
    .setMessage(type)
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
