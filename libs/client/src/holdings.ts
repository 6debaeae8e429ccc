// What this worker holds, by assistant id: the one place where a swap happens, by assigning one reference. Values of
// all followed graphs come in here, each judged against the newest known of its assistant.
import { type Absence, Absences } from './absences.js'
import type { Emitter } from './emitter.js'
import type { FollowEvents, Rejection } from './events.js'
import { type Followed, makeFollowed, type Source } from './followed.js'
import { judge, type Known, type Reached } from './order.js'
import type { Report } from './report.js'
import type { Reports } from './reports.js'
import { type Activation, activationOf } from './trace.js'
import { refusalOf, type Validate } from './validate.js'
import type { Configuration, Tombstone, Unusable, Value } from './value.js'

interface Held {
  readonly key: string
  readonly followed: Followed
  readonly value: Configuration
}

/** A configuration that is news, on its way to be held. */
interface Candidate {
  readonly key: string
  readonly value: Configuration
  readonly followed: Followed
  readonly source: Source
  /** Whether it is still news. */
  verdict(): ReturnType<typeof judge>
}

/** An assistant that moved to another followed graph goes on being served until it is found there. */
interface Moved {
  readonly key: string
  readonly to: string
  readonly epoch: number
  readonly position: bigint
}

export interface HoldingsOptions {
  readonly environment: string
  readonly graphs: ReadonlySet<string>
  /** The only assistants to hold, all when undefined. */
  readonly wanted: ReadonlySet<string> | undefined
  readonly validate: Validate<Followed> | undefined
  readonly events: Emitter<FollowEvents>
  readonly reports: Pick<Reports, 'happened' | 'confirmed'>
}

export class Holdings {
  readonly #held = new Map<string, Held>()
  readonly #known = new Map<string, Known>()
  readonly #moved = new Map<string, Moved>()
  readonly #absences = new Absences()
  readonly #options: HoldingsOptions

  constructor(options: HoldingsOptions) {
    this.#options = options
  }

  get(id: string): Followed | undefined {
    return this.#held.get(id)?.followed
  }

  all(): Followed[] {
    return [...this.#held.values()].map((held) => held.followed)
  }

  /** The last of each assistant, unless something was swapped in since, or it is gone. */
  get rejections(): Rejection[] {
    return this.#absences.rejections
  }

  /** Why an assistant is not held, as far as what was published of it says so. */
  whyNot(id: string): Absence | undefined {
    if (this.wants(id)) return this.#absences.of(id)
    return { reason: 'not-followed', detail: 'it is not among the assistants that this client follows' }
  }

  /** What is held of a graph, for the disk. */
  valuesUnder(prefix: string): Map<string, Configuration> {
    const values = new Map<string, Configuration>()
    for (const { key, value } of this.#held.values()) if (key.startsWith(prefix)) values.set(key, value)
    return values
  }

  wants(id: string): boolean {
    return this.#options.wanted?.has(id) ?? true
  }

  /**
   * Applies a value if it is news and passes its check. The check may take its time, in which other values of the same
   * assistant come in by another snapshot or graph: so the value is judged again after it, and what is outdated by
   * then is neither applied nor reported.
   * @param followedLog the log that whoever offers follows, now; undefined: it follows no more
   * @param traceparent the trace that it was published in, which the activation is a part of
   * @returns whether what is held changed
   */
  async offer(
    followedLog: () => string | undefined,
    key: string,
    value: Value,
    source: Source,
    traceparent?: string,
  ): Promise<boolean> {
    if (!this.wants(value.assistantId)) return false
    const { environment, reports } = this.#options
    const verdict = () => judge(followedLog(), this.#known.get(value.assistantId), value)
    const first = verdict()
    if (first === 'same' && value.type === 'live' && source === 'live') reports.confirmed(value)
    if (first !== 'apply') return false
    if (value.type !== 'live') return this.#bury(key, value)
    const followed = makeFollowed({ ...value, environment, source })
    const activation = activationOf(traceparent, followed)
    try {
      return await this.#activate({ key, value, followed, source, verdict }, activation)
    } finally {
      activation?.end()
    }
  }

  async #activate(
    { key, value, followed, source, verdict }: Candidate,
    activation: Activation | undefined,
  ): Promise<boolean> {
    const { validate, reports } = this.#options
    if (source === 'disk' || !this.#isChecked(followed)) {
      const reason = await refusalOf(validate, followed)
      if (verdict() !== 'apply') {
        activation?.outdated()
        return false
      }
      if (reason !== undefined) {
        activation?.rejected(reason)
        this.#note(value, true)
        this.#reject(value.assistantId, followed.ref, reason)
        reports.happened(reportOf('rejected', value, reason), source)
        return false
      }
    }
    this.#note(value, true)
    const before = this.#held.get(value.assistantId)
    this.#moved.delete(value.assistantId)
    this.#absences.ended(value.assistantId)
    this.#held.set(value.assistantId, { key, followed, value })
    if (before?.followed.ref !== followed.ref) {
      const { id } = followed
      this.#options.events.emit('reload', {
        id,
        from: before?.followed.ref,
        to: followed.ref,
        assistant: followed,
      })
    }
    reports.happened(reportOf('active', value), source)
    return true
  }

  /** A value that could not even be read: what is held stays, and the same order may come again, repaired. */
  unusable(followedLog: string | undefined, graph: string, id: string, value: Unusable): void {
    if (!this.wants(id)) return
    const { epoch, revision, reason, logId = followedLog } = value
    const order =
      logId === undefined || epoch === undefined || revision === undefined
        ? undefined
        : { logId, epoch, revision }
    if (order && judge(order.logId, this.#known.get(id), order) !== 'apply') return
    this.#reject(id, undefined, reason)
    if (!order) return
    const report = { status: 'rejected', assistantId: id, graph, ...order, named: undefined, reason } as const
    this.#options.reports.happened(report, 'live')
  }

  /**
   * A watermark that may judge has the same keys as the bucket: what is held of this graph and is not among them
   * goes, and so does what moved here and is not here.
   */
  sweep(graph: string, prefix: string, has: (key: string) => boolean, mark: Reached): boolean {
    let changed = false
    for (const [id, held] of this.#held) {
      if (!held.key.startsWith(prefix) || has(held.key)) continue
      this.#remove(id, held, 'unknown', mark)
      this.#absences.gone(id, { reason: 'not-published', detail: 'it is published no longer' })
      // Whoever repairs the bucket puts back the very same order, which has to pass as news.
      const known = this.#known.get(id)
      if (known) this.#known.set(id, { ...known, usable: false })
      changed = true
    }
    for (const [id, move] of this.#moved) {
      const reached = mark.epoch > move.epoch || (mark.epoch === move.epoch && mark.position >= move.position)
      const held = this.#held.get(id)
      if (move.to !== graph || !reached || held?.key !== move.key) continue
      this.#remove(id, held, 'moved', mark)
      changed = true
    }
    return changed
  }

  /** The very same configuration is served already, and passed the check as it came from NATS. */
  #isChecked({ id, ref }: Followed): boolean {
    const followed = this.get(id)
    return followed?.ref === ref && followed.source === 'live'
  }

  #bury(key: string, value: Tombstone): boolean {
    // The graph that it moved to has a key with the same revision, which has to pass as news.
    this.#note(value, value.type !== 'moved')
    const held = this.#held.get(value.assistantId)
    // Said of what is still held too: where it moved to it may be rejected, which then is the reason.
    this.#absences.gone(value.assistantId, absenceBy(value))
    if (held?.key !== key) return false
    if (value.type === 'moved' && value.to !== undefined && this.#options.graphs.has(value.to)) {
      const { epoch, position, to } = value
      this.#moved.set(value.assistantId, { key, to, epoch, position })
      return false
    }
    this.#remove(value.assistantId, held, value.type, value)
    return true
  }

  #note(value: Value, usable: boolean): void {
    const { logId, epoch, revision } = value
    this.#known.set(value.assistantId, { logId, epoch, revision, usable })
  }

  #reject(id: string, refused: string | undefined, reason: string): void {
    const rejection = { id, kept: this.get(id)?.ref, refused, reason }
    this.#absences.rejected(rejection)
    this.#options.events.emit('rejected', rejection)
  }

  /** @param by the tombstone or the watermark that took it away */
  #remove(
    id: string,
    { followed, value }: Held,
    reason: 'deleted' | 'moved' | 'unknown',
    by: { readonly logId: string; readonly epoch: number; readonly revision?: number },
  ): void {
    this.#held.delete(id)
    this.#moved.delete(id)
    this.#options.events.emit('removed', { id, from: followed.ref, reason })
    const { logId, epoch, revision = value.revision } = by
    const order = { logId, epoch, revision }
    const of = { assistantId: id, graph: followed.graphId, named: undefined, reason: undefined }
    this.#options.reports.happened({ status: 'removed', ...of, ...order }, 'live')
  }
}

const absenceBy = ({ type, to }: Tombstone): Absence =>
  type === 'deleted'
    ? { reason: 'deleted', detail: 'it was deleted' }
    : { reason: 'moved', detail: `it moved to the graph ${to ?? 'that its tombstone does not name'}` }

function reportOf(status: 'active' | 'rejected', value: Configuration, reason?: string): Report {
  const { assistantId, logId, epoch, revision, generation, version, contentHash: hash } = value
  const named = { generation, version, hash }
  return { status, assistantId, graph: value.content.graph_id, logId, epoch, revision, named, reason }
}
