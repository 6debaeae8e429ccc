// Writes that say what they expect: to the stream its last sequence, to a key the sequence of its last value. A
// refused write is never forced. All acknowledgements come to one inbox: a write costs a message and an entry in a
// map, where a request of the client library would cost a timer and an error besides.
import { createInbox, type Msg, type MsgHdrs, type NatsConnection, nuid } from '@nats-io/transport-node'

/** Milliseconds that a write waits for its acknowledgement, and between two looks at who waits too long. */
const ACK_TIMEOUT_MS = 5_000
const LOOK_EVERY_MS = 500

/** Another publisher writes for this project: this one has lost its lead and must stop. */
export class PublisherFenced extends Error {
  override readonly name = 'PublisherFenced'
}

/** The stream or key is not at the expected sequence. */
export class UnexpectedSequence extends Error {
  override readonly name = 'UnexpectedSequence'
}

/** JetStream did not take a write, or did not say so: whether it was written is unknown. */
export class NotAcknowledged extends Error {
  override readonly name = 'NotAcknowledged'
}

/** What JetStream answers to a write. */
interface PubAck {
  readonly seq: number
  readonly error?: { readonly err_code: number; readonly description: string }
}

interface Waiting {
  readonly subject: string
  readonly since: number
  resolve(sequence: number): void
  reject(error: Error): void
}

const WRONG_LAST_SEQUENCE = new Set([10071, 10164])

export type Expected = { readonly stream: number } | { readonly subject: number }

/** One a publisher: it lives as long as its connection, across all breaks. */
export class FencedWriter {
  private readonly waiting = new Map<string, Waiting>()
  private readonly inbox: string
  private readonly closeInbox: () => void
  private readonly look: NodeJS.Timeout

  /** @param inboxPrefix where the connection's user may listen; NATS's own unless told */
  constructor(
    private readonly connection: NatsConnection,
    inboxPrefix?: string,
  ) {
    this.inbox = createInbox(inboxPrefix)
    const subscription = connection.subscribe(`${this.inbox}.*`, {
      callback: (error, message) => {
        if (!error) this.acknowledge(message)
      },
    })
    this.closeInbox = () => subscription.unsubscribe()
    this.look = setInterval(() => this.giveUp(performance.now() - ACK_TIMEOUT_MS, 'no answer'), LOOK_EVERY_MS)
    void this.watch()
  }

  /**
   * Writes what the expectation allows; resolves with its sequence.
   * @throws UnexpectedSequence somebody else has written there
   * @throws NotAcknowledged
   */
  write(subject: string, body: string, expected: Expected, given: MsgHdrs): Promise<number> {
    if ('stream' in expected) given.set('Nats-Expected-Last-Sequence', String(expected.stream))
    else given.set('Nats-Expected-Last-Subject-Sequence', String(expected.subject))
    return new Promise((resolve, reject) => {
      const token = nuid.next()
      this.connection.publish(subject, body, { headers: given, reply: `${this.inbox}.${token}` })
      this.waiting.set(token, { subject, since: performance.now(), resolve, reject })
    })
  }

  /** Whoever still waits is told that nothing is known. */
  close(reason = 'the writer was closed'): void {
    clearInterval(this.look)
    if (!this.connection.isClosed()) this.closeInbox()
    this.giveUp(Number.POSITIVE_INFINITY, reason)
  }

  /** What was on its way when a connection broke is not answered any more. */
  private async watch(): Promise<void> {
    for await (const { type } of this.connection.status())
      if (type === 'disconnect') this.giveUp(Number.POSITIVE_INFINITY, 'the connection broke')
    this.close('the connection was closed')
  }

  private acknowledge(message: Msg): void {
    const token = message.subject.slice(this.inbox.length + 1)
    const write = this.waiting.get(token)
    if (!write) return
    this.waiting.delete(token)
    const outcome = outcomeOf(write.subject, message)
    if (typeof outcome === 'number') write.resolve(outcome)
    else write.reject(outcome)
  }

  private giveUp(before: number, reason: string): void {
    for (const [token, { subject, since, reject }] of this.waiting) {
      if (since > before) return
      this.waiting.delete(token)
      reject(new NotAcknowledged(`${subject}: ${reason}`))
    }
  }
}

/** The sequence that a write got, or why it got none. */
function outcomeOf(subject: string, message: Msg): number | Error {
  if (message.data.length === 0) return new NotAcknowledged(`${subject}: JetStream is not there`)
  const { seq, error } = message.json<PubAck>()
  if (error === undefined) return seq
  const what = `${subject}: ${error.description}`
  return WRONG_LAST_SEQUENCE.has(error.err_code) ? new UnexpectedSequence(what) : new NotAcknowledged(what)
}
