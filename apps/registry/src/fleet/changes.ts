// Who came and who went, in the order in which it happened, until it is recorded. While the log is away that may grow
// without end; what only came and went meanwhile is then left out, so that it never does.
import { type LeaveReason, type RunnerStay, runnerKey } from '@assistant-ledger/assistant'

export interface Leave {
  readonly runner: string
  readonly instance: string
  readonly reason: LeaveReason
  readonly at: string
}

/** In the order in which they happened: a runner that ends at once and one that comes again are not the same. */
export type Change =
  | { readonly type: 'RunnersJoined'; readonly runner: RunnerStay }
  | { readonly type: 'RunnersLeft'; readonly runner: Leave }

/** The same end with at most two changes a runner's process: that it left, and that it came again, as it did last. */
export function shortened(changes: readonly Change[]): Change[] {
  const last = new Map<string, { left?: Change; joined?: Change }>()
  for (const change of changes) {
    const key = runnerKey(change.runner)
    const { left, joined } = last.get(key) ?? {}
    last.delete(key)
    if (change.type === 'RunnersJoined') last.set(key, { ...(left ? { left } : {}), joined: change })
    // It goes from where the record has it, or was never there by the record.
    else if (left || !joined) last.set(key, { left: left ?? change })
  }
  const all = [...last.values()]
  return [...all.flatMap(({ left }) => left ?? []), ...all.flatMap(({ joined }) => joined ?? [])]
}
