// The publisher follows the projection's checkpoint with its own: every event to the stream, every changed key to the
// bucket, then its checkpoint and the watermarks. It never holds the projection up; while NATS is away it waits, and
// begins again from what NATS has.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Checkpoint } from '@assistant-ledger/assistant'
import type { EventLog, RecordedEvent } from '@assistant-ledger/event-log'
import type { ReadModel } from '@assistant-ledger/read-model'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Context } from '@opentelemetry/api'
import { FencedWriter, PublisherFenced } from './fence.js'
import type { RepairOptions, RepairReport } from './repair.js'
import { Session, StreamGone } from './session.js'

export interface PublisherOptions {
  readonly log: EventLog
  readonly model: ReadModel
  readonly connection: NatsConnection
  /** The connection's inbox prefix, when it is not NATS's own. */
  readonly inboxPrefix?: string | undefined
  readonly project: string
  /** Servers of a NATS cluster that keep each stream when it is made; absent: one. */
  readonly replicas?: number
  readonly environments: readonly string[]
  /** Graphs that have watermarks from the start, before any assistant. */
  readonly graphs: readonly string[]
  /** Told once when publication breaks off or is kept waiting, with the reason, and once when it goes on, with nothing. */
  readonly onBreak?: (reason: Error | undefined) => void
  /** The log's newest signed checkpoint, which watermarks carry; undefined as long as there is none. */
  readonly checkpoint?: () => Checkpoint | undefined
  /** The trace that an event is published in, which then goes with its keys; undefined: none. */
  readonly contextOf?: (event: RecordedEvent) => Context | undefined
}

/** Who publishes, across the sessions that breaks of the connection cut a publisher's life into. */
export interface Lead {
  /** Names this publisher in its checkpoint. */
  readonly id: string
  /** Whether the checkpoint was ever this publisher's. From then on it takes the fence from nobody. */
  taken: boolean
}

/** Milliseconds between two watermarks when nothing changes: what makes a lost last message visible. */
const WATERMARK_EVERY_MS = 2_000
/** Milliseconds between two looks at whether what was published is still there. */
const READ_BACK_EVERY_MS = 10_000
/** Milliseconds that a repair waits for its beginning. */
const REPAIR_WAIT_MS = 10_000
/** Milliseconds before a session that broke off is tried again. */
const RETRY_MS = 250

interface Repair {
  readonly options: RepairOptions
  resolve(report: RepairReport): void
  reject(error: unknown): void
}

export class Publisher {
  private readonly lead: Lead = { id: randomUUID(), taken: false }
  private broken: Error | undefined
  private marked: number | undefined
  private session: Session | undefined
  private published = 0n
  private readonly repairs: Repair[] = []
  private wake: () => void = () => {}

  constructor(private readonly options: PublisherOptions) {}

  /** Everything up to here is in NATS, keys and events. */
  get position(): bigint {
    return this.session?.position ?? this.published
  }

  /** Whether it publishes: it knows what NATS has, and nothing broke it off since. */
  get isUp(): boolean {
    return this.session !== undefined && this.broken === undefined
  }

  /** What broke it off, or what it waits for. */
  get brokenBy(): Error | undefined {
    return this.broken
  }

  /** When all watermarks were last written, by `performance.now()`; undefined before the first time. */
  get markedAt(): number | undefined {
    return this.marked
  }

  /**
   * Publishes until the signal. Breaks of the connection are waited out.
   * @throws PublisherFenced another publisher has taken over
   */
  async run(signal: AbortSignal): Promise<void> {
    const writer = new FencedWriter(this.options.connection, this.options.inboxPrefix)
    try {
      await this.runSessions(writer, signal)
    } finally {
      writer.close()
    }
  }

  /**
   * Compares all that NATS has with the log, and repairs it, between two rounds of publishing. One that begins anew
   * meanwhile is waited for.
   * @throws Error it does not publish, or broke off before the repair was done: what was written is right, try again
   */
  repair(options: RepairOptions): Promise<RepairReport> {
    return new Promise((resolve, reject) => {
      const repair = { options, resolve, reject }
      this.repairs.push(repair)
      this.wake()
      setTimeout(() => {
        const at = this.repairs.indexOf(repair)
        if (at < 0) return
        this.repairs.splice(at, 1)
        reject(this.broken ?? new Error('the publisher has no time for it'))
      }, REPAIR_WAIT_MS).unref()
    })
  }

  private async repairAll(session: Session): Promise<void> {
    for (let next = this.repairs.shift(); next; next = this.repairs.shift()) {
      const { options, resolve, reject } = next
      try {
        resolve(await session.repair(options))
      } catch (error) {
        reject(error)
        // A refused or unanswered write leaves it open what NATS has: the next session looks.
        if (!options.signal.aborted) throw error
      }
    }
  }

  private async runSessions(writer: FencedWriter, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.runSession(writer, signal)
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof PublisherFenced) throw error
        this.setBroken(error as Error)
        if (error instanceof StreamGone) await error.remake().catch(() => {})
        await pause(RETRY_MS, undefined, { signal }).catch(() => {})
      } finally {
        this.published = this.position
        this.session = undefined
        if (signal.aborted)
          for (const { reject } of this.repairs.splice(0)) reject(new Error('publication was stopped'))
      }
    }
  }

  private async runSession(writer: FencedWriter, signal: AbortSignal): Promise<void> {
    const session = await Session.open(this.options, this.lead, writer, signal, (reason) =>
      this.setBroken(reason),
    )
    if (!session) return
    this.session = session
    this.marked = performance.now()
    this.setBroken(undefined)
    const { model } = this.options
    let readBackAt = performance.now() + READ_BACK_EVERY_MS
    while (!signal.aborted) {
      const watermarkAt = performance.now() + WATERMARK_EVERY_MS
      while (!signal.aborted && performance.now() < watermarkAt) {
        if (session.isOutdated()) return
        if (this.repairs.length > 0) await this.repairAll(session)
        if (model.position > session.position) await session.publishUpTo(model.position)
        else await this.advanceOr(watermarkAt, signal)
      }
      if (signal.aborted) return
      await session.writeWatermarks()
      this.marked = performance.now()
      if (performance.now() < readBackAt) continue
      await session.readBack()
      readBackAt = performance.now() + READ_BACK_EVERY_MS
    }
  }

  private setBroken(reason: Error | undefined): void {
    const told = (this.broken === undefined) === (reason === undefined)
    this.broken = reason
    if (told) return
    this.options.onBreak?.(reason)
  }

  /** Resolves when the projection has moved, at the time given, or at the signal, whatever is first. */
  private advanceOr(until: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        unlisten()
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, Math.max(0, until - performance.now()))
      const unlisten = this.options.model.onAdvance(done)
      this.wake = done
      signal.addEventListener('abort', done, { once: true })
      if (signal.aborted) done()
    })
  }
}
