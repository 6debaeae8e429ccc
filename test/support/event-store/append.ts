// `Streams/Append`: one call an append; the first message says where to, each other one is an event.
import { setImmediate as immediate } from 'node:timers/promises'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import type { handleClientStreamingCall } from '@grpc/grpc-js'
import type { Expected } from './check.js'
import type { Context } from './context.js'
import type { NewEvent } from './event.js'
import { refused } from './gate.js'
import { MAX_APPEND_BYTES } from './limits.js'
import { appendTooLarge, handlerThrew, streamDeleted } from './refusals.js'
import type { Outcome } from './store.js'
import { expectedOf, isWellFormed, newEvent, streamOf } from './wire.js'

type Append = handleClientStreamingCall<streams.AppendReq, streams.AppendResp>

export function append(context: Context): Append {
  return (call, callback) => {
    let options: streams.AppendReq.Options | undefined
    const events: NewEvent[] = []
    call.on('data', (message: streams.AppendReq) => {
      const proposed = message.getProposedMessage()
      if (proposed) events.push(newEvent(proposed))
      else options = message.getOptions()
    })
    call.on('end', async () => {
      // A call that is cut off ends like one that is complete, and is known to be cancelled only then.
      await immediate()
      if (call.cancelled) return
      const refusal = refused(context, call.metadata, 'append')
      if (refusal) return callback(refusal)
      if (!options || context.faults.strike('hang-append')) return
      const stream = streamOf(options)
      if (!isWellFormed(stream, events)) return callback(handlerThrew())
      if (bytesOf(events) > MAX_APPEND_BYTES) return callback(appendTooLarge(MAX_APPEND_BYTES))
      const expected = expectedOf(options, options.getRevision())
      const outcome = await context.store.write({ stream, expected, what: events })
      if (context.faults.strike('drop-reply')) return
      await context.faults.delay()
      if (outcome.type === 'deleted') return callback(streamDeleted(stream))
      callback(null, reply(outcome, expected))
    })
  }
}

/** Only data counts. */
export function bytesOf(events: readonly NewEvent[]): number {
  return events.reduce((sum, { data }) => sum + data.length, 0)
}

function reply(outcome: Exclude<Outcome, { type: 'deleted' }>, expected: Expected): streams.AppendResp {
  if (outcome.type === 'wrong-expected-version')
    return new streams.AppendResp().setWrongExpectedVersion(wrong(outcome.current, expected))
  const success = new streams.AppendResp.Success()
  if (outcome.position === undefined) success.setNoPosition(new shared.Empty())
  else success.setPosition(positionAt(outcome.position))
  if (outcome.revision < 0) success.setNoStream(new shared.Empty())
  else success.setCurrentRevision(String(outcome.revision))
  return new streams.AppendResp().setSuccess(success)
}

function positionAt(position: number): streams.AppendResp.Position {
  return new streams.AppendResp.Position()
    .setCommitPosition(String(position))
    .setPreparePosition(String(position))
}

function wrong(current: number, expected: Expected): streams.AppendResp.WrongExpectedVersion {
  const message = new streams.AppendResp.WrongExpectedVersion()
  if (current < 0) message.setCurrentNoStream(new shared.Empty())
  else message.setCurrentRevision(String(current))
  if (expected === 'any') return message.setExpectedAny(new shared.Empty())
  if (expected === 'no_stream') return message.setExpectedNoStream(new shared.Empty())
  if (expected === 'stream_exists') return message.setExpectedStreamExists(new shared.Empty())
  return message.setExpectedRevision(String(expected))
}
