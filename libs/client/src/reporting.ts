// What a runner tells the registry of itself, over whichever connection is up: its reports, its presence, its graphs, and
// any of that once more when it is asked to. Whatever fails here is said in the status, and harms no swap.
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { onControl } from './control.js'
import type { Emitter } from './emitter.js'
import type { DescriptorStatus, FollowEvents } from './events.js'
import { controlSubject } from './names.js'
import type { ReadOptions } from './options.js'
import { type Condition, Presence } from './presence.js'
import { Registrations } from './registrations.js'
import type { Reporter } from './report.js'
import { Reports } from './reports.js'

/** A client that ends waits so long for its last reports, and for its last presence. */
const REPORTED_WITHIN_MS = 500
const GONE_WITHIN_MS = 250

export interface ReportingOptions {
  readonly of: ReadOptions
  readonly events: Emitter<FollowEvents>
  /** Settles when what is held of a graph is on disk, or will not be. */
  saved(graph: string): Promise<void>
  condition(): Omit<Condition, 'digest'>
  onError(error: unknown): void
}

export class Reporting {
  readonly instance = randomUUID()
  readonly reports: Reports
  readonly #reporter: Reporter
  readonly #presence: Presence
  readonly #registrations: Registrations
  #nc: NatsConnection | undefined
  #controlled: NatsConnection | undefined

  constructor({ of, events, saved, condition, onError }: ReportingOptions) {
    const { project, environment, runner, graphs, assistants, inboxPrefix } = of
    const { name, build } = runner
    this.#reporter = { project, environment, name, build, instance: this.instance }
    this.reports = new Reports({ reporter: this.#reporter, inboxPrefix, saved, onError })
    this.#registrations = new Registrations({ of, events, onHash: () => this.#presence.say() })
    this.#presence = new Presence({
      reporter: this.#reporter,
      graphs,
      assistants,
      descriptors: () => this.#registrations.hashes,
      connection: () => this.#nc,
      condition: () => ({ ...condition(), digest: this.reports.digest }),
      onError,
    })
  }

  /** A connection that is up, for the first time or again. */
  attach(nc: NatsConnection): void {
    this.#nc = nc
    if (nc !== this.#controlled) {
      const { project, name, instance } = this.#reporter
      onControl(
        nc,
        { subject: controlSubject(project, name), instance },
        { report: () => this.reports.repeat(), register: () => this.#registrations.again() },
      )
      this.#controlled = nc
    }
    this.reports.attach(nc)
    this.#presence.say()
    this.#registrations.attach(nc)
  }

  detach(): void {
    this.#nc = undefined
    this.reports.detach()
    this.#registrations.detach()
  }

  /** The start is over: what is not needed to serve may be told from now on. */
  started(): void {
    this.#registrations.begin()
  }

  get descriptors(): readonly DescriptorStatus[] {
    return this.#registrations.statuses
  }

  stateChanged(): void {
    this.#presence.say()
  }

  /** The last reports, then the last presence, each as far as NATS takes it in time. */
  async close(): Promise<void> {
    this.#registrations.close()
    await this.reports.drained(REPORTED_WITHIN_MS)
    this.#presence.close()
    const taken = this.#nc?.flush().catch(() => undefined)
    await Promise.race([taken, delay(GONE_WITHIN_MS, undefined, { ref: false })])
    this.reports.close()
  }
}
