// One batch append without the client, to see answers that it cannot take.
import shared from '@eventstore/db-client/generated/shared_pb.js'
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import { credentials } from '@grpc/grpc-js'
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js'

/** Appends one event with this id; resolves with the kinds of error of the first two answers. */
export async function rawBatch(url: string, stream: string, id: string): Promise<string[]> {
  const client = new StreamsClient(new URL(url).host, credentials.createInsecure())
  const call = client.batchAppend()
  const options = new streams.BatchAppendReq.Options()
    .setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(stream)))
    .setAny(new emptyPb.Empty())
  const message = new streams.BatchAppendReq.ProposedMessage().setId(new shared.UUID().setString(id))
  message.getMetadataMap().set('type', 'Something').set('content-type', 'application/json')
  const correlation = new shared.UUID().setString('11111111-1111-4111-8111-111111111111')
  const answers = new Promise<string[]>((resolve, reject) => {
    const seen: string[] = []
    call.on('error', reject)
    call.on('data', (answer: streams.BatchAppendResp) => {
      seen.push(answer.getError()?.getDetails()?.getTypeName().split('.').at(-1) ?? 'Success')
      if (seen.length === 2) resolve(seen)
    })
  })
  call.write(
    new streams.BatchAppendReq()
      .setCorrelationId(correlation)
      .setOptions(options)
      .setProposedMessagesList([message])
      .setIsFinal(true),
  )
  try {
    return await answers
  } finally {
    call.on('error', () => undefined)
    call.cancel()
    client.close()
  }
}
