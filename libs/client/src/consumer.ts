// Our own push consumer over one graph's keys: in memory, gone after 30 s without us, deleted on close. It says what
// arrives and when something must have been lost; what to do about that is the follower's.
import { randomBytes } from 'node:crypto'
import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node'

const NANOS_PER_MS = 1_000_000
/** Between two signs of life of a consumer that has nothing to deliver. */
export const IDLE_HEARTBEAT_MS = 1_000
/** After this long without any sign of life the consumer is taken for gone. */
export const SILENCE_MS = 3_000
const INACTIVE_MS = 30_000
const REQUEST_TIMEOUT_MS = 2_000
/** A client that ends does not wait longer for a server that may be away. */
export const CLOSE_TIMEOUT_MS = 500

export interface Delivery {
  readonly subject: string
  readonly data: Uint8Array
  readonly isMarker: boolean
  /** The trace that it was published in. */
  readonly traceparent: string | undefined
  readonly streamSequence: number
  /** Messages that the consumer still has after this one. */
  readonly pending: number
}

export interface ConsumerEvents {
  onDelivery(delivery: Delivery): Promise<void>
  /** Something that was sent did not arrive. */
  onGap(): void
  /** It was deleted, or its stream was. */
  onGone(reason: string): void
}

/** The server refused a request to its JetStream API. */
export class JetStreamRefusal extends Error {
  override readonly name = 'JetStreamRefusal'
  constructor(
    readonly code: number,
    detail: string,
  ) {
    super(`JetStream: ${detail} (${code})`)
  }
}

export class GraphConsumer {
  heardAt = performance.now()
  readonly #nc: NatsConnection
  readonly #stream: string
  readonly #name = `f_${randomBytes(9).toString('hex')}`
  readonly #events: ConsumerEvents
  readonly #queue: (Delivery | { readonly flow: Msg })[] = []
  #subscription: Subscription | undefined
  #cursor = 0
  #draining = false
  #closed = false

  private constructor(nc: NatsConnection, stream: string, events: ConsumerEvents) {
    this.#nc = nc
    this.#stream = stream
    this.#events = events
  }

  /** @returns the consumer and how many messages it starts with */
  static async open(
    nc: NatsConnection,
    of: { readonly stream: string; readonly filter: string; readonly inboxPrefix: string },
    events: ConsumerEvents,
  ): Promise<{ consumer: GraphConsumer; pending: number }> {
    const consumer = new GraphConsumer(nc, of.stream, events)
    const inbox = createInbox(of.inboxPrefix)
    consumer.#subscription = nc.subscribe(inbox, {
      callback: (error, msg) => {
        if (!error) consumer.#take(msg)
      },
    })
    try {
      const created = await api(nc, `CONSUMER.CREATE.${of.stream}.${consumer.#name}.${of.filter}`, {
        stream_name: of.stream,
        config: {
          name: consumer.#name,
          deliver_subject: inbox,
          deliver_policy: 'last_per_subject',
          ack_policy: 'none',
          replay_policy: 'instant',
          filter_subject: of.filter,
          flow_control: true,
          idle_heartbeat: IDLE_HEARTBEAT_MS * NANOS_PER_MS,
          inactive_threshold: INACTIVE_MS * NANOS_PER_MS,
          mem_storage: true,
          num_replicas: 1,
        },
      })
      const delivered = (created.delivered as { consumer_seq?: number })?.consumer_seq ?? 0
      return { consumer, pending: Number(created.num_pending ?? 0) + delivered }
    } catch (error) {
      // What was not answered in time may still be made.
      if (error instanceof JetStreamRefusal) consumer.#end()
      else void consumer.close()
      throw error
    }
  }

  /** Whether the server still has it. @throws when the server did not say */
  async exists(): Promise<boolean> {
    try {
      await api(this.#nc, `CONSUMER.INFO.${this.#stream}.${this.#name}`, undefined)
      return true
    } catch (error) {
      if (error instanceof JetStreamRefusal && error.code === 404) return false
      throw error
    }
  }

  get isSilent(): boolean {
    return performance.now() - this.heardAt > SILENCE_MS
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#end()
    if (this.#nc.isClosed()) return
    // Whatever is not deleted here goes by itself after its inactive time.
    const subject = `CONSUMER.DELETE.${this.#stream}.${this.#name}`
    await api(this.#nc, subject, undefined, CLOSE_TIMEOUT_MS).catch(() => undefined)
  }

  #end(): void {
    this.#closed = true
    this.#queue.length = 0
    if (!this.#nc.isClosed()) this.#subscription?.unsubscribe()
  }

  #take(msg: Msg): void {
    if (this.#closed) return
    this.heardAt = performance.now()
    const code = msg.data.length === 0 ? (msg.headers?.code ?? 0) : 0
    if (code === 0) this.#deliver(msg)
    else if (code !== 100) this.#events.onGone(`${code} ${msg.headers?.description ?? ''}`.trim())
    else if (msg.reply) this.#push({ flow: msg })
    else {
      const last = Number(msg.headers?.get('Nats-Last-Consumer') || 0)
      const stalled = msg.headers?.get('Nats-Consumer-Stalled')
      if (stalled) this.#nc.publish(stalled)
      if (last > this.#cursor) {
        this.#cursor = last
        this.#events.onGap()
      }
    }
  }

  #deliver(msg: Msg): void {
    // $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>[.<random>]
    const tokens = (msg.reply ?? '').split('.')
    const at = tokens.length > 9 ? 4 : 2
    const [, , , streamSequence, consumerSequence, , pending] = tokens.slice(at).map(Number)
    if (consumerSequence === undefined || streamSequence === undefined) return
    const lost = consumerSequence !== this.#cursor + 1
    this.#cursor = consumerSequence
    const isMarker = (msg.headers?.get('KV-Operation') ?? '') !== ''
    const traceparent = msg.headers?.get('traceparent') || undefined
    const { subject, data } = msg
    this.#push({ subject, data, isMarker, traceparent, streamSequence, pending: pending ?? 0 })
    if (lost) this.#events.onGap()
  }

  #push(item: Delivery | { readonly flow: Msg }): void {
    this.#queue.push(item)
    if (!this.#draining) void this.#drain()
  }

  /** One at a time and in order; the server's flow control bounds what waits here. */
  async #drain(): Promise<void> {
    this.#draining = true
    for (let item = this.#queue.shift(); item !== undefined; item = this.#queue.shift()) {
      if ('flow' in item) item.flow.respond()
      else await this.#events.onDelivery(item)
    }
    this.#draining = false
  }
}

async function api(
  nc: NatsConnection,
  subject: string,
  body: unknown,
  timeoutMs = REQUEST_TIMEOUT_MS,
): Promise<Record<string, unknown>> {
  const payload = body === undefined ? '' : JSON.stringify(body)
  const reply = await nc.request(`$JS.API.${subject}`, payload, { timeout: timeoutMs })
  const answer = reply.json<Record<string, unknown>>()
  const error = answer.error as { code?: number; description?: string } | undefined
  if (error) throw new JetStreamRefusal(error.code ?? 500, error.description ?? 'refused')
  return answer
}

/** The last message of a subject, straight from the stream. @throws when the server did not answer */
export async function lastOf(
  nc: NatsConnection,
  stream: string,
  subject: string,
  timeoutMs: number,
): Promise<{ data: Uint8Array; streamSequence: number } | undefined> {
  const reply = await nc.request(`$JS.API.DIRECT.GET.${stream}.${subject}`, '', { timeout: timeoutMs })
  const code = reply.headers?.code ?? 0
  if (code !== 0) {
    if (code === 404) return undefined
    throw new JetStreamRefusal(code, reply.headers?.description ?? 'no direct get')
  }
  return { data: reply.data, streamSequence: Number(reply.headers?.get('Nats-Sequence') ?? 0) }
}
