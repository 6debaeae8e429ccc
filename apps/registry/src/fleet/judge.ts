// What there is to say of a guard, from where its promotion stands: pure, so whoever judges comes to the same.
import type { Convergence, Guard } from '@assistant-ledger/assistant'

/** Nothing yet, that the guard was met, or why it is broken. */
export type Verdict =
  | { readonly type: 'open' }
  | { readonly type: 'met' }
  | { readonly type: 'broken'; readonly rule: string }

type Standing = Pick<Convergence, 'of' | 'active' | 'rejected'>

/** Judges a guard by a convergence; `over` when its time has passed. */
export function judge(guard: Guard, { of, active, rejected }: Standing, over: boolean): Verdict {
  const [first] = rejected
  if (first && guard.on_reject === 'rollback')
    return { type: 'broken', rule: `${first.runner} refused it: ${first.reason}` }
  // Whoever comes in time counts too, so it is met when the time is over and not before: a restart finds the same.
  if (!over) return { type: 'open' }
  // Where nobody is there nobody has tried it.
  const percent = of === 0 ? 0 : (active.length * 100) / of
  if (percent >= guard.min_active) return { type: 'met' }
  const rule = `${active.length} of ${of} runners active after ${guard.within_ms} ms, ${guard.min_active} % wanted`
  return { type: 'broken', rule }
}
