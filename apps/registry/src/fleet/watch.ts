// Who waits for a promotion to converge: woken by what the projection has applied, never by polling. Who watches is told
// by the feed, which is woken by the same.
import { assistantIdOf, type Convergence, streamPrefixes } from '@assistant-ledger/assistant'
import { type EventLog, LogUnavailable } from '@assistant-ledger/event-log'
import type { PromotionOfContent, ReadModel } from '@assistant-ledger/read-model'
import { pause } from '../signals.js'
import { caughtUp } from './caught-up.js'
import { convergenceNow } from './convergence.js'
import type { Feed } from './feed.js'
import { judge } from './judge.js'
import { FLEET_LIMITS } from './limits.js'
import { fleetId } from './record.js'

export interface WatchOptions {
  readonly project: string
  readonly log: EventLog
  readonly model: ReadModel
  readonly feed: Feed
}

/** A promotion, and where it stands. */
export interface Standing {
  readonly promotion: PromotionOfContent
  readonly convergence: Convergence
}

interface Waiter {
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
  private readonly stop = new AbortController()
  /** Who waits for a receipt. */
  waiting = 0

  constructor(private readonly options: WatchOptions) {}

  /** Follows the log from its end, and tells who waits or watches. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, model, project, feed } = this.options
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
          feed.somebodyCameOrWent()
          this.wake([...this.waiters.keys()])
        }
        const id = assistantIdOf(stream) ?? stream.slice(stream.indexOf('-') + 1)
        if (stream === everybody || /^(ledger|graph)\./.test(stream)) continue
        feed.heard(id, followed.event)
        this.wake([id])
      }
    } finally {
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
   * Resolves with where a promotion stands when no runner that counts lags any more, when it is superseded, or after
   * the timeout, whichever is first. One that its guard is about to take back is not done before that.
   */
  async settled(promotion: PromotionOfContent, timeout_ms: number): Promise<Standing> {
    const first = await this.standing(promotion)
    if (isSettled(first) || this.stop.signal.aborted || this.waiting >= FLEET_LIMITS.waiting) return first
    this.waiting += 1
    try {
      return await this.later(promotion, timeout_ms)
    } finally {
      this.waiting -= 1
    }
  }

  private async standing(of: PromotionOfContent): Promise<Standing> {
    const { assistantId, environment, revision } = of
    const { fleet } = this.options.model
    const promotion = (await fleet.promotion(assistantId, environment, { revision })) ?? of
    return { promotion, convergence: await convergenceNow(fleet, promotion) }
  }

  private later(promotion: PromotionOfContent, timeout_ms: number): Promise<Standing> {
    const { assistantId } = promotion
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
        this.standing(promotion).then(resolve, reject)
      }
      const waiter: Waiter = {
        check: onceAtATime(async () => {
          const standing = await this.standing(promotion)
          if (!isSettled(standing)) return
          end()
          resolve(standing)
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
}

function isSettled({ promotion, convergence }: Standing): boolean {
  if (promotion.superseded !== undefined) return true
  if (convergence.lagging.length > 0) return false
  const { guard } = promotion
  return guard === undefined || judge(guard, convergence, true).type === 'met'
}
