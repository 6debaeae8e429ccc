// Writes that say what they expect: to the stream its last sequence, to a key the sequence of its last value. A
// refused write is never forced.
import { JetStreamApiError, type JetStreamClient, type PubAck } from '@nats-io/jetstream'
import { headers, type MsgHdrs } from '@nats-io/transport-node'

/** Milliseconds that a write waits for its acknowledgement. */
const ACK_TIMEOUT_MS = 5_000

/** Another publisher writes for this project: this one has lost its lead and must stop. */
export class PublisherFenced extends Error {
  override readonly name = 'PublisherFenced'
}

/** The stream or key is not at the expected sequence. */
export class UnexpectedSequence extends Error {
  override readonly name = 'UnexpectedSequence'
}

const WRONG_LAST_SEQUENCE = new Set([10071, 10164])

export async function publishExpecting(
  client: JetStreamClient,
  subject: string,
  body: string,
  expected: { readonly stream: number } | { readonly subject: number },
  given: MsgHdrs = headers(),
): Promise<PubAck> {
  if ('stream' in expected) given.set('Nats-Expected-Last-Sequence', String(expected.stream))
  else given.set('Nats-Expected-Last-Subject-Sequence', String(expected.subject))
  try {
    return await client.publish(subject, body, { headers: given, timeout: ACK_TIMEOUT_MS })
  } catch (error) {
    if (error instanceof JetStreamApiError && WRONG_LAST_SEQUENCE.has(error.code))
      throw new UnexpectedSequence(`${subject}: ${error.message}`, { cause: error })
    throw error
  }
}
