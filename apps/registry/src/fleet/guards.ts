// Guarded promotions: when the rule is broken, the promotion is taken back, exactly once. A verdict follows from what
// is recorded alone, so whoever judges, and whenever, comes to the same; and the way back is a command with a key.
import {
  type Convergence,
  millisecondsOf,
  type Promotion,
  receiptOf,
  streamPrefixes,
  timestamp,
} from '@assistant-ledger/assistant'
import type { EventLog } from '@assistant-ledger/event-log'
import type { OpenGuard, ReadModel } from '@assistant-ledger/read-model'
import { RefusalError } from '../bus/contract.js'
import type { CommandService } from '../commands/execute.js'
import { LIMITS } from '../limits.js'
import { guardRollbacks } from '../observability/metrics.js'
import { caughtUp } from './caught-up.js'
import { convergenceForGuard } from './convergence.js'
import { GUARD } from './ended.js'
import { judge } from './judge.js'
import { FLEET_LIMITS } from './limits.js'
import type { Reports } from './reports.js'
import { shortenedTo } from './shortened.js'

export interface GuardsOptions {
  readonly log: EventLog
  readonly model: ReadModel
  readonly project: string
  readonly commands: CommandService
  readonly reports: Pick<Reports, 'newest' | 'areRecorded'>
  readonly warn: (line: string) => void
}

export class Guards {
  /** By assistant, environment and revision: those that no verdict was found for yet. */
  private open = new Map<string, OpenGuard>()
  private readonly judged = new Set<string>()
  /** Of each whose time is over, the newest report that there was then. */
  private readonly newest = new Map<string, number>()
  private judging: Promise<void> | undefined
  private again = false
  /** For the guard whose time is over next. */
  private next: NodeJS.Timeout | undefined

  constructor(private readonly options: GuardsOptions) {}

  /** Judges until the signal: after each event that may matter, and when a guard's time is over. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, model, project } = this.options
    this.open.clear()
    this.judged.clear()
    this.newest.clear()
    const look = setInterval(() => {
      if (this.open.size > 0 || this.again) this.look()
    }, FLEET_LIMITS.look_ms)
    try {
      const after = await log.head()
      await caughtUp(model, after, signal)
      this.look()
      for await (const followed of log.follow({ after, prefixes: streamPrefixes(project), signal })) {
        if (followed.type !== 'event') continue
        await caughtUp(model, followed.event.position, signal)
        if (this.open.size > 0 || isGuarded(followed.event)) this.look()
      }
    } finally {
      clearInterval(look)
      clearTimeout(this.next)
      await this.judging
    }
  }

  private look(): void {
    this.again = true
    this.judging ??= this.judgeAsAsked()
  }

  private async judgeAsAsked(): Promise<void> {
    try {
      await this.judgeAll()
    } catch (error) {
      // The next look tries again.
      this.again = true
      this.options.warn(`a guarded promotion could not be judged yet: ${(error as Error).message}`)
    } finally {
      // At once: a look that is asked for from here on begins another round.
      this.judging = undefined
    }
  }

  private async judgeAll(): Promise<void> {
    while (this.again) {
      this.again = false
      const guards = await this.options.model.fleet.guards()
      this.open = new Map(guards.map((guard) => [keyOf(guard), guard] as const))
      for (const key of this.judged) if (!this.open.has(key)) this.judged.delete(key)
      for (const key of this.newest.keys())
        if (!this.open.has(key) || this.judged.has(key)) this.newest.delete(key)
      for (const [key, guard] of this.open) {
        if (this.judged.has(key)) this.open.delete(key)
        else if (await this.judgeOne(guard).catch((error: Error) => this.tell(guard, error))) {
          this.judged.add(key)
          this.open.delete(key)
        }
      }
      this.schedule()
    }
  }

  /** One that cannot be judged now holds up no other. */
  private tell({ assistantId, environment }: OpenGuard, { message }: Error): false {
    this.options.warn(`the guard of ${assistantId} in ${environment} could not be judged yet: ${message}`)
    return false
  }

  private schedule(): void {
    clearTimeout(this.next)
    const deadlines = [...this.open.values()].map(deadlineOf).filter((deadline) => deadline > Date.now())
    if (deadlines.length === 0) return
    const wait = Math.min(Math.min(...deadlines) - Date.now() + 1, LONGEST_TIMER_MS)
    this.next = setTimeout(() => this.look(), wait)
  }

  /** Whether there is a verdict. */
  private async judgeOne(guard: OpenGuard): Promise<boolean> {
    const { fleet } = this.options.model
    const { assistantId, environment, revision } = guard
    const promotion = await fleet.promotion(assistantId, environment, { revision })
    if (!promotion) return true
    const deadline = deadlineOf(guard)
    const over = Date.now() >= deadline
    // What was reported in time may still be on its way here.
    if (over && !(await this.hasReportsOf(guard))) return false
    const at = over ? timestamp(deadline) : undefined
    const convergence = await convergenceForGuard(fleet, promotion, at)
    const verdict = judge(guard.guard, convergence, over)
    if (verdict.type === 'broken') await this.takeBack(promotion, verdict.rule, convergence)
    return verdict.type !== 'open'
  }

  /** Whether all that JetStream had when the time was found to be over is recorded, whatever else comes meanwhile. */
  private async hasReportsOf(guard: OpenGuard): Promise<boolean> {
    const { reports } = this.options
    const key = keyOf(guard)
    const newest = this.newest.get(key) ?? (await reports.newest())
    if (newest === undefined) return false
    this.newest.set(key, newest)
    return reports.areRecorded(newest)
  }

  private async takeBack(promotion: Promotion, rule: string, convergence: Convergence): Promise<void> {
    const { assistantId, environment, revision, version } = promotion
    const receipt = JSON.stringify(receiptOf(convergence))
    const reason = shortenedTo(
      LIMITS.reason,
      `Guard broken, version ${version} taken back: ${rule}. Receipt: ${receipt}`,
    )
    const request = { environment, promotion: revision }
    try {
      await this.options.commands.execute(
        {
          verb: 'rollback',
          assistantId,
          givenId: assistantId,
          request,
          command: { type: 'rollback', environment, seen: BigInt(revision) },
        },
        {
          actor: GUARD,
          key: `guard ${environment} ${revision}`,
          reason,
        },
      )
      guardRollbacks.inc({ environment })
    } catch (error) {
      if (!(error instanceof RefusalError) || !SETTLED.has(error.refusal.code)) throw error
      this.options.warn(
        `the guard of ${assistantId} in ${environment} is broken (${rule}), but ${error.message}`,
      )
    }
  }
}

/** Refusals that another attempt would get too. */
const SETTLED: ReadonlySet<string> = new Set(['moved', 'nothing-before', 'not-found', 'unknown-environment'])

/** A timer cannot be set further ahead; the guard is looked at by then and the timer set anew. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

const deadlineOf = ({ at, guard }: OpenGuard): number => millisecondsOf(at) + guard.within_ms

const keyOf = ({ assistantId, environment, revision }: OpenGuard) =>
  `${assistantId} ${environment} ${revision}`

const isGuarded = ({ type, data }: { type: string; data: unknown }): boolean =>
  type === 'VersionPromoted' && (data as { guard?: unknown }).guard !== undefined
