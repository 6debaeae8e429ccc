// What a runner tells the registry of itself, over whichever connection is up: its reports, and those once
// more when it is asked to. Whatever fails here is said in the status, and harms no swap.
import { randomUUID } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'
import { onControl } from './control.js'
import { controlSubject } from './names.js'
import type { ReadOptions } from './options.js'
import type { Reporter } from './report.js'
import { Reports } from './reports.js'

/** A client that ends waits so long for its last reports. */
const REPORTED_WITHIN_MS = 500

export interface ReportingOptions {
  readonly of: ReadOptions
  /** Settles when what is held of a graph is on disk, or will not be. */
  saved(graph: string): Promise<void>
  onError(error: unknown): void
}

export class Reporting {
  readonly instance = randomUUID()
  readonly reports: Reports
  readonly #reporter: Reporter
  #controlled: NatsConnection | undefined

  constructor({ of, saved, onError }: ReportingOptions) {
    const { project, environment, runner, inboxPrefix } = of
    const { name, build } = runner
    this.#reporter = { project, environment, name, build, instance: this.instance }
    this.reports = new Reports({ reporter: this.#reporter, inboxPrefix, saved, onError })
  }

  /** A connection that is up, for the first time or again. */
  attach(nc: NatsConnection): void {
    if (nc !== this.#controlled) {
      const { project, name, instance } = this.#reporter
      onControl(nc, { subject: controlSubject(project, name), instance }, () => this.reports.repeat())
      this.#controlled = nc
    }
    this.reports.attach(nc)
  }

  detach(): void {
    this.reports.detach()
  }

  /** The last reports, as far as NATS takes them in time. */
  async close(): Promise<void> {
    await this.reports.drained(REPORTED_WITHIN_MS)
    this.reports.close()
  }
}
