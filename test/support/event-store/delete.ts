// `Streams/Delete`, after which a stream may begin again, and `Streams/Tombstone`, after which it never does.
import streams from '@eventstore/db-client/generated/streams_pb.js'
import type { handleUnaryCall, Metadata } from '@grpc/grpc-js'
import type { Context } from './context.js'
import { refused } from './gate.js'
import { type Refusal, streamDeleted, wrongExpectedVersion } from './refusals.js'
import { expectedOf, streamOf } from './wire.js'

type Options = streams.DeleteReq.Options | streams.TombstoneReq.Options
type Result = { readonly position: number } | { readonly refusal: Refusal }

export function softDelete(context: Context): handleUnaryCall<streams.DeleteReq, streams.DeleteResp> {
  return async (call, callback) => {
    const result = await remove(context, call.metadata, call.request.getOptions(), 'delete')
    if ('refusal' in result) return callback(result.refusal)
    const position = new streams.DeleteResp.Position()
      .setCommitPosition(String(result.position))
      .setPreparePosition(String(result.position))
    callback(null, new streams.DeleteResp().setPosition(position))
  }
}

export function tombstone(context: Context): handleUnaryCall<streams.TombstoneReq, streams.TombstoneResp> {
  return async (call, callback) => {
    const result = await remove(context, call.metadata, call.request.getOptions(), 'tombstone')
    if ('refusal' in result) return callback(result.refusal)
    const position = new streams.TombstoneResp.Position()
      .setCommitPosition(String(result.position))
      .setPreparePosition(String(result.position))
    callback(null, new streams.TombstoneResp().setPosition(position))
  }
}

async function remove(
  context: Context,
  metadata: Metadata,
  options: Options = new streams.DeleteReq.Options(),
  what: 'delete' | 'tombstone',
): Promise<Result> {
  const refusal = refused(context, metadata, 'other')
  if (refusal) return { refusal }
  const stream = streamOf(options)
  const expected = expectedOf(options, options.getRevision())
  const outcome = await context.store.write({ stream, expected, what })
  await context.faults.delay()
  if (outcome.type === 'deleted') return { refusal: streamDeleted(stream) }
  if (outcome.type === 'wrong-expected-version')
    return { refusal: wrongExpectedVersion(stream, expected, outcome.current) }
  return { position: outcome.position ?? 0 }
}
