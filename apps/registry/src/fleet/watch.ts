// Who waits for a promotion to converge, and who watches: woken by what the projection has applied, never by polling.
import {
  assistantIdOf,
  type Convergence,
  type Promotion,
  type Receipt,
  receiptOf,
  streamPrefixes,
} from '@assistant-ledger/assistant'
import { fleetSubject } from '@assistant-ledger/change-feed'
import { type EventLog, LogUnavailable } from '@assistant-ledger/event-log'
import type { ReadModel } from '@assistant-ledger/read-model'
import type { NatsConnection } from '@nats-io/transport-node'
import { pause } from '../signals.js'
import { caughtUp } from './caught-up.js'
import { convergenceNow } from './convergence.js'
import { FLEET_LIMITS } from './limits.js'
import { fleetId } from './record.js'

export interface WatchOptions {
  readonly connection: NatsConnection
  readonly project: string
  readonly environments: readonly string[]
  readonly log: EventLog
  readonly model: ReadModel
  /** Whether this replica is the one that tells those who watch. */
  readonly tells: () => boolean
}

interface Waiter {
  readonly promotion: Promotion
  check(): Promise<void>
}

/** Runs the work for all who ask while it runs once more, after it. */
function onceAtATime(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let again = false
  return () => {
    again = true
    running ??= (async () => {
      try {
        while (again) {
          again = false
          await work()
        }
      } finally {
        // At once: who asks from here on begins another run.
        running = undefined
      }
    })()
    return running
  }
}

export class Watch {
  /** By assistant id. */
  private readonly waiters = new Map<string, Set<Waiter>>()
  /** Assistants whose feed is due. */
  private readonly due = new Set<string>()
  /** Assistants of which the feed's last word was that somebody lags: whoever comes or goes may change that. */
  private readonly unsettled = new Set<string>()
  private readonly stop = new AbortController()
  /** Who waits for a receipt. */
  waiting = 0

  constructor(private readonly options: WatchOptions) {}

  /** Follows the log from its end, and tells who waits or watches. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, model, project } = this.options
    let telling = false
    const feed = setInterval(() => {
      // One after the other: nobody hears of an older state after a newer one.
      if (telling) return
      telling = true
      void this.tell().finally(() => {
        telling = false
      })
    }, FLEET_LIMITS.feed_ms)
    const everybody = `fleet.${project}-${fleetId(project)}`
    try {
      const after = await this.end(signal)
      await caughtUp(model, after, signal)
      // Those who have waited since before.
      this.wake([...this.waiters.keys()])
      for await (const followed of log.follow({ after, prefixes: streamPrefixes(project), signal })) {
        if (followed.type !== 'event') continue
        const { stream, position } = followed.event
        await caughtUp(model, position, signal)
        if (stream === everybody) {
          for (const id of this.unsettled) this.due.add(id)
          this.wake([...this.waiters.keys()])
        }
        const id = assistantIdOf(stream) ?? stream.slice(stream.indexOf('-') + 1)
        if (stream === everybody || stream.startsWith('ledger.')) continue
        if (this.options.tells()) this.due.add(id)
        this.wake([id])
      }
    } finally {
      clearInterval(feed)
      this.close()
    }
  }

  /** The log's end; a log that is away is waited for. */
  private async end(signal: AbortSignal): Promise<bigint> {
    const { log } = this.options
    for (;;) {
      try {
        return await log.head()
      } catch (error) {
        if (!(error instanceof LogUnavailable) || signal.aborted) throw error
      }
      await pause(FLEET_LIMITS.retry_ms, signal)
    }
  }

  /** Those who wait are answered with what is known. */
  close(): void {
    this.stop.abort()
  }

  /**
   * Resolves with the receipt when no runner that counts lags any more, when the promotion is superseded, or after
   * the timeout, whichever is first.
   */
  async receipt(promotion: Promotion, timeout_ms: number): Promise<Receipt> {
    const { fleet } = this.options.model
    const first = await convergenceNow(fleet, promotion)
    if (first.lagging.length === 0 || this.stop.signal.aborted || this.waiting >= FLEET_LIMITS.waiting)
      return receiptOf(first)
    this.waiting += 1
    try {
      return receiptOf(await this.converged(promotion, timeout_ms))
    } finally {
      this.waiting -= 1
    }
  }

  private converged(promotion: Promotion, timeout_ms: number): Promise<Convergence> {
    const { assistantId, environment, revision } = promotion
    const { fleet } = this.options.model
    const { signal } = this.stop
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', late)
        const waiters = this.waiters.get(assistantId)
        waiters?.delete(waiter)
        if (waiters?.size === 0) this.waiters.delete(assistantId)
      }
      const late = () => {
        end()
        convergenceNow(fleet, promotion).then(resolve, reject)
      }
      const waiter: Waiter = {
        promotion,
        check: onceAtATime(async () => {
          const [convergence, present] = await Promise.all([
            convergenceNow(fleet, promotion),
            fleet.promotion(assistantId, environment, 'now'),
          ])
          if (convergence.lagging.length > 0 && present?.revision === revision) return
          end()
          resolve(convergence)
        }),
      }
      const timer = setTimeout(late, timeout_ms)
      signal.addEventListener('abort', late, { once: true })
      const waiters = this.waiters.get(assistantId) ?? new Set()
      this.waiters.set(assistantId, waiters.add(waiter))
      // What came between the first look and here.
      waiter.check().catch((error) => {
        end()
        reject(error)
      })
    })
  }

  private wake(assistantIds: readonly string[]): void {
    for (const id of assistantIds)
      for (const waiter of this.waiters.get(id) ?? []) void waiter.check().catch(() => undefined)
  }

  /** The live feed, at most so often for each assistant and for so many of them at a time. */
  private async tell(): Promise<void> {
    const { connection, project, environments, model } = this.options
    const some = [...this.due].slice(0, FLEET_LIMITS.feedAssistants)
    for (const id of some) {
      this.due.delete(id)
      this.unsettled.delete(id)
      for (const environment of environments) {
        const promotion = await model.fleet.promotion(id, environment, 'now').catch(() => undefined)
        if (!promotion || connection.isClosed()) continue
        const convergence = await convergenceNow(model.fleet, promotion).catch(() => undefined)
        if (!convergence || connection.isClosed()) continue
        if (convergence.lagging.length > 0) this.unsettled.add(id)
        const told = { environment, revision: promotion.revision, ...receiptOf(convergence) }
        connection.publish(fleetSubject(project, id), JSON.stringify(told))
      }
    }
  }
}
