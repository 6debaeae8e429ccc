// The state of a graph, by the ages of what is known of it, and of a client, which is that of its worst graph.
import type { FollowState } from './events.js'

/** The publisher rewrites each watermark this often. */
export const WATERMARK_EVERY_MS = 2_000
/** Unconfirmed for more than this, live becomes stale. */
export const STALE_AFTER_MS = 3 * WATERMARK_EVERY_MS
/** Unconfirmed for more than this, stale becomes detached. */
export const DETACHED_AFTER_MS = 60_000

const WORST_FIRST: readonly FollowState[] = ['detached', 'starting', 'stale', 'live']

export interface Ages {
  /** Since a watermark last confirmed what is held; undefined: none has since the start. */
  readonly confirmedMs: number | undefined
  /** Since a disk copy was read; undefined: there was none. */
  readonly diskMs: number | undefined
}

export function stateByAges({ confirmedMs, diskMs }: Ages): FollowState {
  const age = confirmedMs ?? diskMs
  if (age === undefined) return 'starting'
  if (age > DETACHED_AFTER_MS) return 'detached'
  return confirmedMs === undefined || confirmedMs > STALE_AFTER_MS ? 'stale' : 'live'
}

export const worstOf = (states: readonly FollowState[]): FollowState =>
  WORST_FIRST.find((state) => states.includes(state)) ?? 'starting'
