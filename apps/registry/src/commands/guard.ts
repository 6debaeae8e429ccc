// The guard of a promotion as a request gives it: a percentage as text, and what is left out by its default.
import type { Guard, JsonObject, JsonValue } from '@assistant-ledger/assistant'
import { invalid } from '../envelope.js'
import { FLEET_LIMITS } from '../fleet/limits.js'

const FIELDS: ReadonlySet<string> = new Set(['min_active', 'within_ms', 'on_reject'])

/** @throws RefusalError `invalid-request`, naming the field */
export function readGuard(given: JsonObject): Guard {
  const unknown = Object.keys(given).find((field) => !FIELDS.has(field))
  if (unknown !== undefined)
    throw fault(
      `has the unknown field ${JSON.stringify(unknown.slice(0, 100))}; known are ${[...FIELDS].join(', ')}`,
    )
  const { min_active = '100%', within_ms, on_reject = 'rollback' } = given
  const percent = percentOf(min_active)
  if (percent === undefined)
    throw fault('min_active must be a percentage as text, from "1%" to "100%"', 'min_active')
  if (
    !Number.isInteger(within_ms) ||
    (within_ms as number) < 1 ||
    (within_ms as number) > FLEET_LIMITS.guard_ms
  )
    throw fault(`within_ms must be an integer from 1 to ${FLEET_LIMITS.guard_ms}`, 'within_ms')
  if (on_reject !== 'rollback' && on_reject !== 'ignore')
    throw fault('on_reject must be rollback or ignore', 'on_reject')
  return { min_active: percent, within_ms: within_ms as number, on_reject }
}

/** A plain number could mean so many runners. */
function percentOf(value: JsonValue): number | undefined {
  const percent = typeof value === 'string' ? Number(/^(\d{1,3})%$/.exec(value)?.[1]) : Number.NaN
  return percent >= 1 && percent <= 100 ? percent : undefined
}

const fault = (what: string, field?: string) =>
  invalid(
    field === undefined ? `guard ${what}` : `guard.${what}`,
    field === undefined ? 'guard' : `guard/${field}`,
  )
