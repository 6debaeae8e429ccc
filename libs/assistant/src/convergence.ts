// Who is on a promoted version, since when, who refused it and who lags: computed from what runners reported and from
// who was there. Pure; the same for a receipt, a guard, a query of now and a query of the past.
import type { LeaveReason, ReportStatus } from './fleet.js'
import { later } from './time.js'

/** A pointer that was set: what the runners of its environment and graph are to be on. */
export interface Promotion {
  readonly assistantId: string
  readonly environment: string
  readonly graph: string
  /** Of the assistant's stream. */
  readonly revision: number
  readonly generation: number
  readonly version: number
  readonly hash: string
  readonly at: string
}

/** A runner while it is, or was, there. */
export interface Stay {
  readonly runner: string
  readonly instance: string
  readonly build?: string
  readonly joinedAt: string
  readonly left?: { readonly at: string; readonly reason: LeaveReason }
}

/** Names a runner's process: its name, which the broker vouches for, and the instance, which anybody may claim. */
export const runnerKey = (of: { readonly runner: string; readonly instance: string }): string =>
  JSON.stringify([of.runner, of.instance])

/** What a runner said of one revision. */
export interface Word {
  readonly status: ReportStatus
  readonly reason?: string
  readonly at: string
}

interface Named {
  readonly runner: string
  readonly instance: string
  readonly build?: string
}

export interface Convergence {
  readonly promotion: Promotion
  /** Runners that count: there, and not gone before they could say anything. */
  readonly of: number
  /** `after_ms`: since the promotion, or since the runner came, whichever is later. */
  readonly active: readonly (Named & { readonly since: string; readonly after_ms: number })[]
  readonly rejected: readonly (Named & { readonly reason: string; readonly at: string })[]
  readonly lagging: readonly Named[]
  /** They left before they said anything: neither active nor lagging. */
  readonly gone: readonly (Named & { readonly at: string; readonly reason: LeaveReason })[]
  /** The shortest and the longest `after_ms` of those that are active; absent while nobody is. */
  readonly first_ms?: number
  readonly last_ms?: number
  /** Milliseconds after which so many of all that count were active; absent while they are not. */
  readonly p50_ms?: number
  readonly p95_ms?: number
  readonly p100_ms?: number
}

/**
 * Judges a promotion by the stays that count for it.
 * @param words what was reported of this very revision, by {@link runnerKey}
 */
export function convergenceOf(
  promotion: Promotion,
  stays: Iterable<Stay>,
  words: ReadonlyMap<string, Word>,
): Convergence {
  const active: Convergence['active'][number][] = []
  const rejected: Convergence['rejected'][number][] = []
  const lagging: Named[] = []
  const gone: Convergence['gone'][number][] = []
  for (const { runner, instance, build, joinedAt, left } of stays) {
    const named = { runner, instance, ...(build === undefined ? {} : { build }) }
    const word = words.get(runnerKey({ runner, instance }))
    if (word?.status === 'active') {
      const from = later(joinedAt, promotion.at)
      active.push({ ...named, since: word.at, after_ms: between(from, word.at) })
    } else if (word?.status === 'rejected')
      rejected.push({ ...named, reason: word.reason ?? 'no reason given', at: word.at })
    else if (left) gone.push({ ...named, ...left })
    else lagging.push(named)
  }
  active.sort((a, b) => a.after_ms - b.after_ms)
  const of = active.length + rejected.length + lagging.length
  return { promotion, of, active, rejected, lagging, gone, ...times(active, of) }
}

function times(active: Convergence['active'], of: number) {
  /** When the n-th of all that count was active; undefined while it is not. */
  const nth = (n: number) => active[n - 1]?.after_ms
  const reached = {
    first_ms: nth(1),
    last_ms: nth(active.length),
    p50_ms: nth(Math.ceil(of * 0.5)),
    p95_ms: nth(Math.ceil(of * 0.95)),
    p100_ms: nth(of),
  }
  return Object.fromEntries(Object.entries(reached).filter(([, value]) => value !== undefined)) as Partial<
    Record<keyof typeof reached, number>
  >
}

/** Milliseconds from one recorded time to another, never negative: two clocks are involved. */
export function between(from: string, to: string): number {
  return Math.max(0, millisecondsOf(to) - millisecondsOf(from))
}

/** A recorded time in milliseconds since 1970, microseconds as fractions. */
export const millisecondsOf = (at: string): number =>
  Date.parse(`${at.slice(0, 23)}Z`) + Number(at.slice(23, 26)) / 1000

/** What a command that waited, or a guard, has to show. */
export interface Receipt {
  /** Whether every runner that counts is active. */
  readonly converged: boolean
  readonly active: number
  readonly of: number
  readonly rejected: readonly { readonly runner: string; readonly reason: string }[]
  readonly lagging: readonly string[]
  readonly first_ms?: number
  readonly last_ms?: number
  readonly hash: string
}

export function receiptOf(convergence: Convergence): Receipt {
  const { promotion, of, active, rejected, lagging, first_ms, last_ms } = convergence
  return {
    converged: active.length === of,
    active: active.length,
    of,
    rejected: rejected.map(({ runner, reason }) => ({ runner, reason })),
    lagging: lagging.map(({ runner }) => runner),
    ...(first_ms === undefined ? {} : { first_ms }),
    ...(last_ms === undefined ? {} : { last_ms }),
    hash: promotion.hash,
  }
}
