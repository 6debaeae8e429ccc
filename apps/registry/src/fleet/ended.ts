// What ended a promotion, as answers show it: another one, the way back of its own guard, or a deletion.
import type { Actor, JsonObject } from '@assistant-ledger/assistant'
import type { PromotionRow } from '@assistant-ledger/read-model'

/** Who takes a promotion back when its guard is broken. */
export const GUARD: Actor = { id: 'guard', verified: true, via: 'system' }

/** `superseded`, or `taken_back` when its guard did it; nothing while it is in force. */
export function endOf({ superseded }: PromotionRow): JsonObject {
  if (superseded === undefined) return {}
  const { revision, at, by, reason, version, rollback } = superseded
  const end: JsonObject = {
    revision,
    at,
    by: { ...by },
    ...(reason === undefined ? {} : { reason }),
    ...(version === undefined ? { deleted: true } : { version }),
    ...(rollback ? { rollback } : {}),
  }
  return rollback && by.via === GUARD.via && by.id === GUARD.id ? { taken_back: end } : { superseded: end }
}
