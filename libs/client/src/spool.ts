// What is to be said to JetStream and was not acknowledged yet: in memory, in order, bounded. What NATS did not take is
// said again, under the same message id. Nothing here throws, and nobody waits for it.
import { setTimeout as delay } from 'node:timers/promises'
import {
  createInbox,
  headers,
  type Msg,
  type NatsConnection,
  type Subscription,
} from '@nats-io/transport-node'
import type { Message } from './report.js'
import { isObject, readJson } from './value.js'

/** One more pushes the oldest out. */
export const SPOOL_MOST = 10_000
/** Messages that are sent and not acknowledged. */
const WINDOW = 64
/** As long as something is on its way, an acknowledgement has to come at least this often. */
const ACK_TIMEOUT_MS = 5_000
const BACKOFF_MS = { least: 250, most: 5_000 }

interface Entry {
  readonly number: number
  readonly message: Message
  ready: boolean
  acknowledged: boolean
}

export interface SpoolOptions {
  readonly inboxPrefix: string
  /** What may be said besides, asked for whenever there is room. */
  more(): Message | undefined
  onError(error: unknown): void
}

export class Spool {
  readonly #options: SpoolOptions
  readonly #queue: Entry[] = []
  /** Of the queue, from its front: those that this round has sent. */
  #sent = 0
  #numbered = 0
  #dropped = 0
  #nc: NatsConnection | undefined
  #inbox = ''
  #answers: Subscription | undefined
  #up = false
  #overdue: NodeJS.Timeout | undefined
  #pause: NodeJS.Timeout | undefined
  #pauseMs = BACKOFF_MS.least
  #onEmpty = () => {}

  constructor(options: SpoolOptions) {
    this.#options = options
  }

  get waiting(): number {
    return this.#queue.length
  }

  /** Pushed out by newer ones, and never acknowledged. */
  get dropped(): number {
    return this.#dropped
  }

  /** @param ready what is to happen before it is said, and everything after it */
  push(message: Message, ready?: Promise<void>): void {
    const entry: Entry = {
      number: this.#numbered++,
      message,
      ready: ready === undefined,
      acknowledged: false,
    }
    this.#queue.push(entry)
    if (this.#queue.length > SPOOL_MOST) this.#dropOldest()
    void ready?.then(() => {
      entry.ready = true
      this.send()
    })
    this.send()
  }

  /** A connection that is up, also one that was before. */
  attach(nc: NatsConnection): void {
    if (nc !== this.#nc) {
      this.#nc = nc
      this.#inbox = createInbox(this.#options.inboxPrefix)
      const callback = (error: unknown, msg: Msg) => {
        if (!error) this.#answered(msg)
      }
      this.#answers = nc.subscribe(`${this.#inbox}.*`, { callback })
    }
    this.#up = true
    this.send()
  }

  /** What was on its way is not answered any more. */
  detach(): void {
    this.#up = false
    this.#sent = 0
    this.#restartDeadline()
  }

  /** Everything that is ready, as far as the window goes. */
  send(): void {
    if (!this.#nc || !this.#up || this.#pause) return
    this.#fill()
    for (let entry = this.#queue[this.#sent]; entry && this.#sent < WINDOW; entry = this.#queue[this.#sent]) {
      if (!entry.ready) return
      if (!entry.acknowledged) {
        try {
          this.#publish(this.#nc, entry)
        } catch (error) {
          this.#failed(error)
          return
        }
      }
      this.#sent++
    }
  }

  /** Resolves when nothing waits any more, or after this time. */
  async drained(timeoutMs: number): Promise<void> {
    if (this.#queue.length === 0 || !this.#up) return
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
    await Promise.race([empty, delay(timeoutMs, undefined, { ref: false })])
  }

  close(): void {
    this.detach()
    clearTimeout(this.#pause)
    if (this.#nc && !this.#nc.isClosed()) this.#answers?.unsubscribe()
    this.#nc = undefined
  }

  #fill(): void {
    while (this.#queue.length < WINDOW) {
      const message = this.#options.more()
      if (!message) return
      this.#queue.push({ number: this.#numbered++, message, ready: true, acknowledged: false })
    }
  }

  #publish(nc: NatsConnection, { number, message }: Entry): void {
    const given = headers()
    given.set('Nats-Msg-Id', message.id)
    nc.publish(message.subject, message.body, { headers: given, reply: `${this.#inbox}.${number}` })
    this.#overdue ??= setTimeout(() => this.#failed(`no answer within ${ACK_TIMEOUT_MS} ms`), ACK_TIMEOUT_MS)
  }

  #answered(msg: Msg): void {
    const refusal = refusalIn(msg)
    if (refusal !== undefined) {
      this.#failed(refusal)
      return
    }
    const first = this.#queue[0]
    const entry = first && this.#queue[Number(msg.subject.slice(this.#inbox.length + 1)) - first.number]
    if (entry) entry.acknowledged = true
    while (this.#queue[0]?.acknowledged) this.#takeFirst()
    this.#pauseMs = BACKOFF_MS.least
    this.#restartDeadline()
    this.send()
    if (this.#queue.length === 0) this.#onEmpty()
  }

  /** Goes on, after a while, from the first that was not acknowledged. */
  #failed(cause: unknown): void {
    if (this.#pause) return
    this.#sent = 0
    this.#restartDeadline()
    this.#pause = setTimeout(() => {
      this.#pause = undefined
      this.send()
    }, this.#pauseMs)
    this.#pauseMs = Math.min(2 * this.#pauseMs, BACKOFF_MS.most)
    this.#options.onError(
      new Error(`a report was not taken: ${cause instanceof Error ? cause.message : cause}`),
    )
  }

  #dropOldest(): void {
    this.#takeFirst()
    this.#dropped++
  }

  #takeFirst(): void {
    this.#queue.shift()
    this.#sent = Math.max(0, this.#sent - 1)
  }

  #restartDeadline(): void {
    if (this.#sent > 0) this.#overdue?.refresh()
    else {
      clearTimeout(this.#overdue)
      this.#overdue = undefined
    }
  }
}

/** Why JetStream did not take it; undefined when it did, also as one that it has already. */
function refusalIn(msg: Msg): string | undefined {
  if (msg.data.length === 0) return `${msg.headers?.code ?? ''} JetStream has no stream for it`.trim()
  const answer = readJson(msg.data)
  if (!isObject(answer)) return 'the answer is no acknowledgement'
  return answer.error === undefined ? undefined : JSON.stringify(answer.error)
}
