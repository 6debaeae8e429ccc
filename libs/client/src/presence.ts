// Says that this instance is there, in which state, and by a digest what it has reported: every five seconds, at each
// change, and a last time when it ends. Nobody acknowledges it; the registry misses what does not come.
import type { NatsConnection } from '@nats-io/transport-node'
import { type Checkpoint, writtenCheckpoint } from './checkpoint.js'
import type { FollowState } from './events.js'
import { presenceSubject } from './names.js'
import type { Reporter } from './report.js'

export const PRESENCE_EVERY_MS = 5_000
const FORMAT = 1

/** What a presence says besides who is there. */
export interface Condition {
  readonly state: FollowState | 'closed'
  readonly ageMs: number
  readonly digest: { readonly count: number; readonly hex: string }
  /** The newest signed checkpoint that is known. */
  readonly checkpoint: Checkpoint | undefined
}

export interface PresenceOptions {
  readonly reporter: Reporter
  readonly graphs: readonly string[]
  /** The only assistants that are held, all when undefined. */
  readonly assistants: readonly string[] | undefined
  /** The hashes of the graphs' descriptors, undefined when there are none. */
  descriptors(): Readonly<Record<string, string>> | undefined
  connection(): NatsConnection | undefined
  condition(): Condition
  onError(error: unknown): void
}

export class Presence {
  readonly #options: PresenceOptions
  readonly #subject: string
  readonly #timer: NodeJS.Timeout

  constructor(options: PresenceOptions) {
    this.#options = options
    this.#subject = presenceSubject(options.reporter.project, options.reporter.name)
    this.#timer = setInterval(() => this.say(), PRESENCE_EVERY_MS)
  }

  /** Without a connection nothing is said: the next one starts with it. */
  say(condition: Condition = this.#options.condition()): void {
    const { reporter, graphs, assistants } = this.#options
    const { name, instance, build, environment } = reporter
    const { state, ageMs, digest, checkpoint } = condition
    const body = {
      v: FORMAT,
      name,
      instance,
      build,
      environment,
      graphs,
      assistants,
      state,
      age_ms: Math.round(ageMs),
      count: digest.count,
      digest: digest.hex,
      checkpoint: checkpoint && writtenCheckpoint(checkpoint),
      descriptors: this.#options.descriptors(),
    }
    try {
      this.#options.connection()?.publish(this.#subject, JSON.stringify(body))
    } catch (error) {
      this.#options.onError(error)
    }
  }

  close(): void {
    clearInterval(this.#timer)
    this.say({ ...this.#options.condition(), state: 'closed', ageMs: 0 })
  }
}
