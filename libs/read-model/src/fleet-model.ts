// What the read model tells of the fleet.
import type { Actor, Guard, LeaveReason, Promotion, Word } from '@assistant-ledger/assistant'

/** A runner while it is, or was, there. */
export interface RunnerRow {
  readonly runner: string
  readonly instance: string
  readonly build?: string
  readonly environment: string
  readonly graphs: readonly string[]
  /** The only assistants that it follows; absent: all of its graphs. */
  readonly assistants?: readonly string[]
  readonly joinedAt: string
  readonly left?: { readonly at: string; readonly reason: LeaveReason }
}

/** One process of a runner. */
export interface RunnerProcess {
  readonly runner: string
  readonly instance: string
}

export interface RunnersQuery {
  /** Those that follow it; absent: those of all. */
  readonly environment?: string
  /** All that have this name; absent: all. */
  readonly runner?: string
  /** Also those that are there no longer. */
  readonly gone: boolean
  readonly limit: number
  readonly offset: number
}

/**
 * Which promotion of an environment: the present one, the one of a stream revision, the newest up to a stream revision,
 * or the one in force at a time.
 */
export type Which =
  | 'now'
  | { readonly revision: number }
  | { readonly upTo: number }
  | { readonly at: string }

/** What took a promotion's place: another one, or the assistant's deletion. */
export interface Superseded {
  readonly revision: number
  readonly at: string
  readonly by: Actor
  readonly reason?: string
  /** The version promoted then; absent: the assistant was deleted. */
  readonly version?: number
  /** It was a way back. */
  readonly rollback?: true
}

/** A promotion as it was made, and what ended it. */
export interface PromotionRow {
  readonly environment: string
  /** Of the assistant's stream. */
  readonly revision: number
  readonly generation: number
  readonly version: number
  readonly at: string
  readonly by: Actor
  readonly reason?: string
  /** The version that was there before. */
  readonly replaces?: number
  readonly rollback?: true
  readonly guard?: Guard
  /** Absent while it is in force. */
  readonly superseded?: Superseded
}

/** With what the runners of its graph are to be on. */
export type PromotionOfContent = Promotion & PromotionRow

/** A version as a runner reported it; what could not be read has only its revision. */
interface Reported {
  readonly revision: number
  readonly generation?: number
  readonly version?: number
  readonly hash?: string
  readonly at: string
}

/** What one runner has to do with one assistant. */
export interface RunnerOn {
  readonly assistantId: string
  readonly environment: string
  readonly on?: Reported
  /** It held the assistant and holds it no longer. */
  readonly removed?: Reported
  /** What it refused since. */
  readonly refused?: Reported & { readonly reason: string }
}

/** A promotion in force that has a guard. */
export interface OpenGuard {
  readonly assistantId: string
  readonly environment: string
  /** Of the promotion. */
  readonly revision: number
  readonly at: string
  readonly guard: Guard
}

export interface FleetModel {
  runners(query: RunnersQuery): Promise<RunnerRow[]>
  /** The runners that follow an assistant, now or as of a time. */
  following(
    of: { readonly environment: string; readonly graph: string; readonly assistantId: string },
    at?: string,
  ): Promise<RunnerRow[]>
  /** The runners that followed an assistant and left, after a time and until another. */
  gone(
    of: { readonly environment: string; readonly graph: string; readonly assistantId: string },
    since: string,
    until?: string,
  ): Promise<RunnerRow[]>
  /** When a runner's process had last come, as of a time. */
  cameBefore(of: RunnerProcess, at: string): Promise<string | undefined>
  /** What was reported of a promotion, until a time; by `runnerKey`. */
  words(
    assistantId: string,
    environment: string,
    revision: number,
    until?: string,
  ): Promise<ReadonlyMap<string, Word>>
  /** The same as `<runner> <instance> <status>`, each that was ever reported: what a report that comes twice is told by. */
  reported(assistantId: string, environment: string, revision: number): Promise<ReadonlySet<string>>
  /** What a runner's process is on, assistant by assistant. */
  on(of: RunnerProcess, page: { readonly limit: number; readonly offset: number }): Promise<RunnerOn[]>
  onOf(of: RunnerProcess, assistantId: string): Promise<RunnerOn | undefined>
  /** The guards of all promotions that are in force, met or not. */
  guards(): Promise<OpenGuard[]>
  promotion(assistantId: string, environment: string, which: Which): Promise<PromotionOfContent | undefined>
  /** All promotions of an environment, newest first. */
  promotions(
    assistantId: string,
    environment: string,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<PromotionRow[]>
  /** Whether runners of that environment can have met that revision: a promotion, a deletion, or -1, which stands for none. */
  canMeet(assistantId: string, environment: string, revision: number): Promise<boolean>
}
