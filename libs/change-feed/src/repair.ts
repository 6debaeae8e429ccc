// What NATS has, compared with the log, message by message: keys of the bucket against what the log says of them, the
// event stream against the log's events within its retention.
import { assistantIdOf, assistantStream } from '@assistant-ledger/assistant'
import type { EventLog, RecordedEvent } from '@assistant-ledger/event-log'
import { AckPolicy, DeliverPolicy, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import { RETENTION_DAYS } from './assets.js'
import { eventMessage, ID_HEADER, POSITION_HEADER } from './messages.js'
import { eventStream, eventSubject } from './names.js'

export interface RepairOptions {
  /** Compares, and writes nothing. */
  readonly dryRun: boolean
  /** Makes the event stream again rather than extend it: consumers lose their place. */
  readonly recreate: boolean
  readonly signal: AbortSignal
  readonly onProgress: (step: 'keys' | 'events', done: number) => void
}

export interface RepairReport {
  readonly keys: {
    readonly equal: number
    /** Missing, or with another value than the log says. */
    readonly repaired: number
    /** Of which the log knows nothing: they get a tombstone. */
    readonly unknown: number
  }
  readonly events: {
    readonly equal: number
    /** Missing at the stream's end, or all of them where it was made again. */
    readonly appended: number
    /** The first message that is not what the log has there: only a stream that is made again is right again. */
    readonly differs?: { readonly sequence: number; readonly stream?: string; readonly revision?: number }
  }
  /** Consumers of the event stream: where it is made again, they are gone with it. */
  readonly consumers: readonly { readonly name: string; readonly pending: number }[]
}

/** What the event stream is, against the log. */
export interface StreamComparison {
  readonly equal: number
  readonly differs?: NonNullable<RepairReport['events']['differs']>
  /** Events of the log within retention that come after the stream's last message, up to a position. */
  readonly missing: number
  /** Position of the last message; 0n for none. */
  readonly last: bigint
  readonly lastSequence: number
}

const FETCHED_AT_A_TIME = 500
const FETCH_EXPIRES_MS = 5_000
const DAY_MS = 24 * 60 * 60 * 1000

const isKept = ({ metadata }: RecordedEvent): boolean =>
  Date.parse((metadata as { at: string }).at) >= Date.now() - RETENTION_DAYS * DAY_MS

/** Reads the whole event stream beside the log. @param through the position up to which the log counts */
export async function compareStream(
  of: {
    readonly client: JetStreamClient
    readonly manager: JetStreamManager
    readonly log: EventLog
    readonly project: string
  },
  through: bigint,
  { signal, onProgress }: Pick<RepairOptions, 'signal' | 'onProgress'>,
): Promise<StreamComparison> {
  const { log, project } = of
  let equal = 0
  let last = 0n
  let lastSequence = 0
  let events: AsyncIterator<RecordedEvent> | undefined
  const prefixes = [assistantStream(project, '')]
  for await (const { sequence, id, position, subject, hash, body } of messagesOf(of)) {
    signal.throwIfAborted()
    lastSequence = sequence
    const at = /^\d{1,19}$/.test(position) ? BigInt(position) : -1n
    // What is older than the first message has gone with its time.
    events ??= log.readAll({ after: at - 1n, prefixes })[Symbol.asyncIterator]()
    const { value: event, done } = await events.next()
    if (done) return { equal, differs: { sequence }, missing: 0, last, lastSequence }
    const wanted = eventMessage(event, project)
    const same =
      event.position === at &&
      event.id === id &&
      subject === eventSubject(project, assistantIdOf(event.stream) as string) &&
      hash === wanted.headers.get('Ledger-Hash') &&
      body === wanted.body
    if (!same)
      return {
        equal,
        differs: { sequence, stream: event.stream, revision: Number(event.revision) },
        missing: 0,
        last,
        lastSequence,
      }
    last = at
    equal += 1
    if (equal % FETCHED_AT_A_TIME === 0) onProgress('events', equal)
  }
  let missing = 0
  for await (const event of log.readAll({ after: last, prefixes })) {
    signal.throwIfAborted()
    if (event.position > through) break
    if (isKept(event)) missing += 1
  }
  return { equal, missing, last, lastSequence }
}

/** All messages of the event stream, in order. */
async function* messagesOf({
  client,
  manager,
  project,
}: {
  readonly client: JetStreamClient
  readonly manager: JetStreamManager
  readonly project: string
}) {
  const stream = eventStream(project)
  const { name, num_pending } = await manager.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.All,
    mem_storage: true,
    inactive_threshold: nanos(30_000),
  })
  try {
    const consumer = await client.consumers.get(stream, name)
    for (let left = num_pending; left > 0; ) {
      const before = left
      const options = { max_messages: Math.min(left, FETCHED_AT_A_TIME), expires: FETCH_EXPIRES_MS }
      for await (const message of await consumer.fetch(options)) {
        left -= 1
        yield {
          sequence: message.seq,
          subject: message.subject,
          id: message.headers?.get(ID_HEADER) ?? '',
          position: message.headers?.get(POSITION_HEADER) ?? '',
          hash: message.headers?.get('Ledger-Hash') ?? '',
          body: message.string(),
        }
      }
      if (left === before) throw new Error(`the stream ${stream} did not give its last ${left} messages`)
    }
  } finally {
    await manager.consumers.delete(stream, name).catch(() => false)
  }
}

/** Whoever follows the event stream over a consumer of their own. */
export async function consumersOf(
  manager: JetStreamManager,
  project: string,
): Promise<RepairReport['consumers']> {
  const consumers: { name: string; pending: number }[] = []
  for await (const { name, num_pending } of manager.consumers.list(eventStream(project)))
    consumers.push({ name, pending: num_pending })
  return consumers
}
