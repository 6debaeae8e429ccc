// One request and its one answer. Whoever answers first has answered; anything later, such as a handler that ends
// after the bus gave up on it, is dropped here.
import { decodeToken, type Refusal, type RefusalCode, refuse } from '@assistant-ledger/assistant'
import { errors, type Msg, type NatsConnection } from '@nats-io/transport-node'
import type { BusReply } from './contract.js'
import { type Form, formOf } from './decode.js'
import { type Encoded, encodeRefusal, encodeReply } from './encode.js'
import { BUS_LIMITS } from './limits.js'

/** `assistants.v1.<project>` */
const TOKENS_BEFORE = 3
const VERB_TOKENS = 2

export class Exchange {
  /** Known once the request is decoded. */
  form: Form | undefined
  /** By the monotonic clock: when it came, and when all but a wait for something else was done. */
  readonly receivedAt = performance.now()
  heldAt: number | undefined
  /** The trace that it came in, or the command that it became. */
  correlationId: string | undefined
  #answered = false

  constructor(
    readonly message: Msg,
    private readonly connection: NatsConnection,
    /** Told once, when the answer is on its way. */
    private readonly onAnswered: (exchange: Exchange, outcome: 'ok' | RefusalCode) => void = () => {},
  ) {}

  /** What follows the project in the subject, in at most two parts: `create`, `graphs.register`. */
  get verb(): string {
    return this.#tokens.slice(0, VERB_TOKENS).join('.')
  }

  /** Who sends it, where an account of the broker puts the name behind the verb. */
  get from(): string | undefined {
    const token = this.#tokens[VERB_TOKENS]
    return token === undefined ? undefined : decodeToken(token)
  }

  get #tokens(): readonly string[] {
    return this.message.subject.split('.').slice(TOKENS_BEFORE)
  }

  /** Bytes that the broker lets an answer have. */
  get mostBytes(): number {
    return this.connection.info?.max_payload ?? BUS_LIMITS.replyBytes
  }

  /**
   * A requester without a reply subject wants no answer: its command is executed like any other.
   * @throws when the answer cannot be encoded or handed to the connection: nothing was sent then
   */
  reply(reply: BusReply): void {
    if (this.#answered) return
    if (!this.message.reply) {
      this.#done('ok')
      return
    }
    const form = this.form ?? formOf(this.message)
    let size = 'more than a string can hold'
    try {
      const encoded = encodeReply(form, reply)
      size = `${encoded.data.length} bytes`
      this.#send(encoded, 'ok')
    } catch (error) {
      // The one for a text that grew too long, the other for what the broker would close the connection for.
      if (!(error instanceof RangeError || error instanceof errors.InvalidArgumentError)) throw error
      this.#send(encodeRefusal(form, this.#tooLarge(size), reply.headers), 'too-large')
    }
  }

  /** @throws when the connection takes nothing any more */
  refuse(refusal: Refusal): void {
    if (this.#answered) return
    if (this.message.reply)
      this.#send(encodeRefusal(this.form ?? formOf(this.message), refusal), refusal.code)
    else this.#done(refusal.code)
  }

  #send(answer: Encoded, outcome: 'ok' | RefusalCode): void {
    this.connection.publish(
      this.message.reply as string,
      answer.data,
      answer.headers ? { headers: answer.headers } : undefined,
    )
    this.#done(outcome)
  }

  #done(outcome: 'ok' | RefusalCode): void {
    this.#answered = true
    this.onAnswered(this, outcome)
  }

  #tooLarge(size: string): Refusal {
    return refuse(
      'too-large',
      `The reply would be ${size}, and the broker allows ${this.mostBytes} bytes; ask for less by \`limit\` or \`select\``,
    )
  }
}
