// A JetStream stream as it is stored, read through a consumer of its own that leaves nothing behind. No message is
// acknowledged, none is lost unnoticed.
import { AckPolicy, DeliverPolicy, type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, nanos, nuid } from '@nats-io/transport-node'
import { counted } from './findings.js'

/** Messages that are fetched at a time, and how long a fetch waits for the first. */
const FETCHED = 500
const FETCH_MS = 2_000

export interface Bus {
  readonly connection: NatsConnection
  /** What consumers are called, where a user may make those of one name only; random when absent. */
  readonly consumerName?: string
}

export interface StoredOptions {
  readonly stream: string
  /** Every message, or the last one of each subject. */
  readonly which: 'all' | 'last-per-subject'
  readonly subject?: string
  /** Milliseconds that the end is waited at for more. */
  readonly waitAtEnd_ms?: number
  readonly signal: AbortSignal
}

/** Messages came out of order or not at all: the server or the connection broke off. */
export class StoredReadBroken extends Error {
  override readonly name = 'StoredReadBroken'
}

/** @throws StoredReadBroken, and what JetStream refuses */
export async function* readStored(
  { connection, consumerName }: Bus,
  options: StoredOptions,
): AsyncGenerator<JsMsg> {
  const { stream, which, subject, waitAtEnd_ms = 0, signal } = options
  const manager = await jetstreamManager(connection)
  const { name, num_pending } = await manager.consumers.add(stream, {
    name: consumerName ?? `verify_${nuid.next()}`,
    ack_policy: AckPolicy.None,
    deliver_policy: which === 'all' ? DeliverPolicy.All : DeliverPolicy.LastPerSubject,
    mem_storage: true,
    inactive_threshold: nanos(30_000),
    num_replicas: 1,
    ...(subject === undefined ? {} : { filter_subject: subject }),
  })
  try {
    const consumer = await jetstream(connection).consumers.get(stream, name)
    let delivered = 0
    let left = num_pending
    let emptySince: number | undefined
    for (;;) {
      signal.throwIfAborted()
      if (left === 0) {
        emptySince ??= performance.now()
        if (performance.now() - emptySince >= waitAtEnd_ms) return
      }
      const batch = await consumer.fetch({
        max_messages: left === 0 ? 1 : Math.min(left, FETCHED),
        expires: left === 0 ? Math.max(1_000, Math.min(waitAtEnd_ms, FETCH_MS)) : FETCH_MS,
      })
      const before = delivered
      for await (const message of batch) {
        delivered += 1
        if (message.info.deliverySequence !== delivered)
          throw new StoredReadBroken(`the server lost its place in the stream ${stream}; run it again`)
        left = message.info.pending
        emptySince = undefined
        yield message
      }
      if (delivered === before && left > 0)
        throw new StoredReadBroken(`the stream ${stream} did not give its last ${counted(left, 'message')}`)
    }
  } finally {
    await manager.consumers.delete(stream, name).catch(() => false)
  }
}
