// Where commands and queries come in: a Nest transport on NATS request/reply, subjects `assistants.v1.<project>.<verb>`,
// queue group `assistants`. Whatever a request holds, it gets exactly one answer: a handler's, or a refusal. A verb of
// two parts, such as `graphs.register`, has subscriptions of its own: accounts of the broker put the sender's name behind it.
import { randomUUID } from 'node:crypto'
import { type Refusal, type RefusalCode, refuse } from '@assistant-ledger/assistant'
import type { Msg, NatsConnection, NodeConnectionOptions, Subscription } from '@nats-io/transport-node'
import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices'
import { isObservable, lastValueFrom } from 'rxjs'
import { EndOfTurn } from '../end-of-turn.js'
import { traceId } from '../headers.js'
import { correlationOf } from '../observability/correlation.js'
import { refusalOf } from '../unavailable.js'
import { within } from '../within.js'
import { Admission } from './admission.js'
import { connectWhenThere } from './connect.js'
import { BusReply, type BusRequest, LaterReply, RefusalError } from './contract.js'
import { decode } from './decode.js'
import { Thrown } from './errors.js'
import { Exchange } from './exchange.js'
import { BUS_LIMITS, type BusLimits } from './limits.js'

export const QUEUE_GROUP = 'assistants'

/** `lost`: the connection ended for good without being told to. */
export type BusStatus = 'waiting' | 'connected' | 'disconnected' | 'lost' | 'closed'

export interface LedgerBusOptions {
  readonly project: string
  /** Servers, name and credentials; how it reconnects is the bus's own affair. */
  readonly connection: NodeConnectionOptions
  readonly limits?: Partial<BusLimits>
  /** Told of each answer when it is on its way. */
  readonly onAnswered?: (answered: BusAnswered) => void
}

/** A request of the bus and how it ended. */
export interface BusAnswered {
  readonly verb: string
  readonly outcome: 'ok' | RefusalCode
  /** Milliseconds since it came, without the wait for a receipt. */
  readonly ms: number
  readonly correlationId: string | undefined
}

interface BusEvents extends Record<string, (...args: never[]) => void> {
  lost: (error: Error | undefined) => void
}

/** Subjects that are not inboxes: an answer sent there would be a command, a configuration or a request to the broker. */
const NO_INBOX = /^(\$|assistants\.)/

export class LedgerBus extends Server<BusEvents, BusStatus> implements CustomTransportStrategy {
  override readonly transportId = Symbol('ledger-bus')
  readonly #options: LedgerBusOptions
  readonly #limits: BusLimits
  readonly #admission: Admission<Exchange>
  readonly #open = new Set<Exchange>()
  readonly #stop = new AbortController()
  readonly #lost: ((error: Error | undefined) => void)[] = []
  #connection: NatsConnection | undefined
  #subscriptions: readonly Subscription[] = []
  #closing: Promise<void> | undefined
  /** Answers that come later. */
  readonly #late = new Set<Promise<void>>()
  #away = false
  #subscribed = false
  /** What is sent together goes to the broker in one write. */
  readonly #turn = new EndOfTurn()

  constructor(options: LedgerBusOptions) {
    super()
    this.#options = options
    this.#limits = { ...BUS_LIMITS, ...options.limits }
    this.#admission = new Admission(this.#limits, (exchange) => this.#serve(exchange))
  }

  /** Connects, however long that takes, and is done when the broker has the subscription. */
  async listen(done: (error?: unknown) => void): Promise<void> {
    try {
      for (const [verb, handler] of this.messageHandlers)
        if (handler.isEventHandler) throw new TypeError(`the bus has no events, only requests: ${verb}`)
      const connection = await connectWhenThere(this.#options.connection, this.#stop.signal, (error) => {
        this.logger.warn(`waiting for NATS: ${error.message}`)
        this._status$.next('waiting')
      })
      this.#connection = connection
      void this.#watch(connection)
      await this.#subscribe(connection)
      this._status$.next('connected')
    } catch (error) {
      return done(error)
    }
    done()
  }

  /**
   * Takes no new request, answers all it has, and closes the connection. A handler that takes longer than `drainMs`
   * loses its word: its requester is told `unavailable`, since whether a command took effect is not known by then.
   */
  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  /** `lost` is called when the connection has ended for good; the process had better end too. */
  on<Name extends keyof BusEvents>(event: Name, listener: BusEvents[Name]): void {
    if (event !== 'lost') throw new TypeError(`the bus has no event ${String(event)}`)
    this.#lost.push(listener as BusEvents['lost'])
  }

  /** Whether requests come in. */
  get isConnected(): boolean {
    return this.#subscribed && !this.#away && !this.#closing && this.#connection?.isClosed() === false
  }

  /** The NATS connection; undefined before there is one. */
  unwrap<T = NatsConnection | undefined>(): T {
    return this.#connection as T
  }

  /** How many requests run, and how many wait for one of them to end. */
  get load(): { readonly running: number; readonly queued: number } {
    return { running: this.#admission.running, queued: this.#admission.queued }
  }

  async #subscribe(connection: NatsConnection): Promise<void> {
    let refused: Error | undefined
    const longVerbs = [...this.messageHandlers.keys()].filter((verb) => verb.includes('.'))
    const verbs = ['*', ...longVerbs, ...longVerbs.map((verb) => `${verb}.*`)]
    this.#subscriptions = verbs.map((verb) =>
      connection.subscribe(`assistants.v1.${this.#options.project}.${verb}`, {
        queue: QUEUE_GROUP,
        callback: (error, message) => {
          if (!error) return this.#receive(connection, message)
          refused = error
          this.#subscribed = false
          this.logger.error(`the subscription to ${verb} has ended: ${error.message}`)
        },
      }),
    )
    await connection.flush()
    if (refused) throw refused
    this.#subscribed = true
  }

  #receive(connection: NatsConnection, message: Msg): void {
    const exchange = new Exchange(message, connection, (answered, outcome) => this.#told(answered, outcome))
    if (message.reply && NO_INBOX.test(message.reply)) {
      this.logger.warn(
        `ignored a ${exchange.verb} that wants its answer at ${message.reply}, not at an inbox`,
      )
      return
    }
    this.#open.add(exchange)
    if (this.#admission.admit(exchange, message.data.length)) return
    this.#open.delete(exchange)
    const { running, queued } = this.load
    this.#refuse(
      exchange,
      refuse('busy', `${running} requests are running and ${queued} waiting; try again in a moment`),
    )
  }

  async #serve(exchange: Exchange): Promise<void> {
    const late = await this.#answer(exchange)
    if (late) this.#answerLater(exchange, late)
    else this.#open.delete(exchange)
  }

  /** Answers at once, or gives back what the answer waits for. */
  async #answer(exchange: Exchange): Promise<LaterReply | undefined> {
    try {
      const decoded = decode(exchange.message)
      exchange.form = decoded.form
      if (!decoded.ok) throw new RefusalError(decoded.refusal)
      const { verb, from } = exchange
      const handler = this.messageHandlers.get(verb)
      if (!handler) throw new RefusalError(this.#unknown())
      const { body, headers } = decoded
      exchange.correlationId = traceId(headers.get('traceparent'))
      const reply = await ask(handler, {
        verb,
        ...(from === undefined ? {} : { from }),
        body,
        headers,
        mostReplyBytes: exchange.mostBytes,
      })
      exchange.correlationId = correlationOf(reply) ?? exchange.correlationId
      if (reply instanceof LaterReply) return reply
      await this.#turn.reached()
      exchange.reply(reply)
    } catch (error) {
      this.#failed(exchange, error)
    }
    return undefined
  }

  #answerLater(exchange: Exchange, { reply }: LaterReply): void {
    exchange.heldAt = performance.now()
    const answered = reply
      .then((late) => exchange.reply(late))
      .catch((error) => this.#failed(exchange, error))
      .finally(() => {
        this.#open.delete(exchange)
        this.#late.delete(answered)
      })
    this.#late.add(answered)
  }

  #unknown(): Refusal {
    const verbs = [...this.messageHandlers.keys()].join(', ')
    return refuse('unknown-verb', `There is no such verb; there are ${verbs}`)
  }

  #failed(exchange: Exchange, error: unknown): void {
    exchange.correlationId = correlationOf(error) ?? exchange.correlationId
    const refusal = refusalOf(error)
    if (refusal) {
      this.#refuse(exchange, refusal)
      return
    }
    const id = randomUUID()
    const cause = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.logger.error(`${exchange.verb} failed (${id}): ${cause}`, concerning(exchange))
    this.#refuse(exchange, refuse('internal', `The service failed; its log has the cause under ${id}`))
  }

  #refuse(exchange: Exchange, refusal: Refusal): void {
    try {
      exchange.refuse(refusal)
    } catch (error) {
      this.logger.error(
        `no answer could be sent to a ${exchange.verb}: ${(error as Error).message}`,
        concerning(exchange),
      )
    }
  }

  #told(
    { verb, receivedAt, heldAt = performance.now(), correlationId }: Exchange,
    outcome: BusAnswered['outcome'],
  ) {
    this.#options.onAnswered?.({ verb, outcome, ms: heldAt - receivedAt, correlationId })
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        this.#away = true
        this.logger.warn('NATS is away; reconnecting')
        this._status$.next('disconnected')
      } else if (status.type === 'reconnect') {
        this.#away = false
        this.logger.log(`NATS is back: ${status.server}`)
        this._status$.next('connected')
      } else if (status.type === 'error') this.logger.error(`NATS: ${status.error.message}`)
    }
    const error = (await connection.closed()) ?? undefined
    if (this.#closing) return
    this.logger.error(`the connection to NATS has ended: ${error?.message ?? 'closed'}`)
    this._status$.next('lost')
    for (const listener of this.#lost) listener(error)
  }

  async #drain(): Promise<void> {
    this.#stop.abort(new Error('the bus was closed'))
    const connection = this.#connection
    if (connection && !connection.isClosed()) {
      const idle = this.#open.size === 0
      // What the broker has sent by now still comes in; without a broker nothing does.
      const draining = this.#away ? [] : this.#subscriptions.map((subscription) => subscription.drain())
      await within(this.#limits.flushMs, Promise.all(draining))
      await within(this.#limits.drainMs, this.#admission.idle())
      await within(this.#limits.drainMs, Promise.all(this.#late))
      this.#admission.takeQueued()
      for (const exchange of this.#open)
        this.#refuse(
          exchange,
          refuse('unavailable', 'The service is stopping; retry the request with its key'),
        )
      this.#open.clear()
      if (!(this.#away && idle)) await within(this.#limits.flushMs, connection.flush())
      await connection.close()
    }
    this._status$.next('closed')
  }
}

/** What a line of the log says beside its text. */
const concerning = ({ verb, correlationId }: Exchange) =>
  correlationId === undefined ? { verb } : { verb, correlation_id: correlationId }

async function ask(handler: MessageHandler, request: BusRequest): Promise<BusReply | LaterReply> {
  let result: unknown = await handler(request)
  // Only a controller with interceptors answers by an observable.
  if (isObservable(result)) result = await lastValueFrom(result)
  if (result instanceof BusReply || result instanceof LaterReply) return result
  if (result instanceof Thrown) throw result.error
  throw new TypeError(`the handler of ${request.verb} returned no BusReply`)
}
