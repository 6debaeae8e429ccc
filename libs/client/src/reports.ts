// Decides what is reported: each state of each assistant once by this instance, an activation only when it is on disk,
// and what came from disk only when what is published confirms it. It remembers the last report of each, for the
// presence and for a registry that lost some.
import type { NatsConnection } from '@nats-io/transport-node'
import { Digest } from './canonical.js'
import type { ReportCounts } from './events.js'
import type { Source } from './followed.js'
import { encodeToken } from './names.js'
import { type Report, type Reporter, reportMessage } from './report.js'
import { Spool } from './spool.js'

export interface ReportsOptions {
  readonly reporter: Reporter
  readonly inboxPrefix: string
  /** Settles when what is held of a graph is on disk, or will not be. */
  saved(graph: string): Promise<void>
  onError(error: unknown): void
}

/** What was published of an assistant. */
export type Published = Pick<Report, 'assistantId' | 'logId' | 'epoch' | 'revision'>

export class Reports {
  readonly #options: ReportsOptions
  readonly #spool: Spool
  readonly #last = new Map<string, Report>()
  readonly #digest = new Digest()
  /** From disk: nothing published has confirmed it yet. */
  readonly #unconfirmed = new Map<string, Report>()
  #again: Iterator<Report> | undefined
  #made = 0

  constructor(options: ReportsOptions) {
    this.#options = options
    const { inboxPrefix, onError } = options
    this.#spool = new Spool({ inboxPrefix, onError, more: () => this.#repeated() })
  }

  get counts(): ReportCounts {
    const { waiting, dropped } = this.#spool
    return { waiting, made: this.#made, dropped }
  }

  /** Over the last report of each assistant, those that still wait included. */
  get digest(): { readonly count: number; readonly hex: string } {
    return this.#digest
  }

  /** What became of a configuration here. */
  happened(report: Report, source: Source): void {
    const { assistantId, status, graph } = report
    if (source === 'disk') {
      this.#unconfirmed.set(assistantId, report)
      return
    }
    const fromDisk = this.#unconfirmed.get(assistantId)
    this.#unconfirmed.delete(assistantId)
    // What a rejection leaves in place goes on being held, and the bucket will not show it again.
    if (status === 'rejected' && fromDisk?.status === 'active') this.#report(fromDisk)
    this.#report(report, status === 'active' ? this.#options.saved(graph) : undefined)
  }

  /** What is known of an assistant already was shown by the bucket too. */
  confirmed({ assistantId, logId, epoch, revision }: Published): void {
    const report = this.#unconfirmed.get(assistantId)
    if (!report || report.logId !== logId || report.epoch !== epoch || report.revision !== revision) return
    this.#unconfirmed.delete(assistantId)
    this.#report(report)
  }

  /** Makes the last report of each assistant once more, as fast as the spool has room. */
  repeat(): void {
    this.#again = this.#last.values()
    this.#spool.send()
  }

  attach(nc: NatsConnection): void {
    this.#spool.attach(nc)
  }

  detach(): void {
    this.#spool.detach()
  }

  drained(timeoutMs: number): Promise<void> {
    return this.#spool.drained(timeoutMs)
  }

  close(): void {
    this.#spool.close()
  }

  #report(report: Report, ready?: Promise<void>): void {
    const { assistantId, revision, status } = report
    // A key that somebody made by hand may end in what is no token of a subject, and so is no assistant's.
    if (encodeToken(assistantId) !== assistantId || isSaid(this.#last.get(assistantId), report)) return
    this.#last.set(assistantId, report)
    this.#digest.set(assistantId, revision, status)
    this.#made++
    this.#spool.push(reportMessage(this.#options.reporter, report), ready)
  }

  #repeated() {
    const next = this.#again?.next()
    if (!next || next.done) {
      this.#again = undefined
      return undefined
    }
    return reportMessage(this.#options.reporter, next.value)
  }
}

/** A new epoch alone is no news: the same revision with the same content is what was said already. */
const isSaid = (last: Report | undefined, report: Report): boolean =>
  last !== undefined &&
  last.logId === report.logId &&
  last.revision === report.revision &&
  last.status === report.status &&
  (last.epoch === report.epoch || last.named?.hash === report.named?.hash)
