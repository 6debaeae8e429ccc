// A runner as the wire has it, from nothing but what a test tells it: it says that it is there and what it reports,
// also what no real runner would say.
import { createHash, randomUUID } from 'node:crypto'
import { jetstream } from '@nats-io/jetstream'
import { headers, type NatsConnection } from '@nats-io/transport-node'

/** What a report is about: a promotion as the service shows it. */
export interface On {
  readonly assistant_id: string
  readonly revision: number
  readonly generation: number
  readonly version: number
  readonly hash: string
}

export interface TestRunnerOptions {
  readonly name: string
  readonly instance?: string
  readonly logId: string
  readonly environment?: string
  readonly graphs?: readonly string[]
  readonly assistants?: readonly string[]
}

const PRESENT_EVERY_MS = 2_000

export class TestRunner {
  readonly instance: string
  readonly name: string
  /** What the service asked for over the control subject. */
  readonly asked: unknown[] = []
  private readonly words = new Map<string, string>()
  private beat: NodeJS.Timeout | undefined

  constructor(
    private readonly connection: NatsConnection,
    private readonly options: TestRunnerOptions,
  ) {
    this.name = options.name
    this.instance = options.instance ?? randomUUID()
    connection.subscribe(`assistants.v1.default.control.${options.name}`, {
      callback: (_error, message) => void this.asked.push(message.json()),
    })
  }

  /** Says that it is there, and goes on saying so. */
  come(): this {
    this.say('live')
    this.beat = setInterval(() => this.say('live'), PRESENT_EVERY_MS)
    return this
  }

  /** Says nothing any more. */
  silence(): void {
    clearInterval(this.beat)
  }

  close(): void {
    this.silence()
    this.say('closed')
  }

  say(state: string, more: object = {}): void {
    if (this.connection.isClosed()) return
    const { name, environment = 'live', graphs = ['writer'], assistants } = this.options
    const sums = [...this.words.values()].map((word) => createHash('sha256').update(word).digest())
    const digest = Buffer.alloc(32)
    for (const sum of sums) for (let i = 0; i < 32; i++) digest[i] = (digest[i] ?? 0) ^ (sum[i] ?? 0)
    const body = {
      v: 1,
      name,
      instance: this.instance,
      build: 'test',
      environment,
      graphs,
      ...(assistants ? { assistants } : {}),
      state,
      age_ms: 5,
      count: this.words.size,
      digest: digest.toString('hex'),
      ...more,
    }
    this.connection.publish(`assistants.v1.default.runners.${name}`, JSON.stringify(body))
  }

  active = (on: On) => this.report(on, 'active')
  rejects = (on: On, reason: string) => this.report(on, 'rejected', { reason })

  /** Remembers a report as made, without making it. */
  loses({ assistant_id, revision }: On, status: string): void {
    this.words.set(assistant_id, `${assistant_id} ${revision} ${status}`)
  }

  /** Reports once; another message id makes JetStream take what it has already. */
  async report(on: On, status: string, more: object = {}, messageId?: string): Promise<void> {
    const { assistant_id, revision, generation, version, hash } = on
    const { name, logId, environment = 'live' } = this.options
    this.loses(on, status)
    const body = {
      v: 1,
      runner: name,
      instance: this.instance,
      environment,
      graph: 'writer',
      assistant_id,
      log_id: logId,
      epoch: 1,
      revision,
      generation,
      version,
      hash,
      status,
      ...more,
    }
    const given = headers()
    const id = `${assistant_id}.1.${revision}.${environment}.${name}.${this.instance}.${status}`
    given.set('Nats-Msg-Id', messageId ?? id)
    await jetstream(this.connection).publish(
      `assistants.v1.default.acks.${name}.${assistant_id}`,
      JSON.stringify(body),
      { headers: given },
    )
  }
}
