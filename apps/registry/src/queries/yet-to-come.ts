// A moment that has not been yet: answered with the present, it would be taken for what was. It is refused instead.
import { timestamp } from '@assistant-ledger/assistant'
import type { Point } from '@assistant-ledger/history'
import { invalid } from '../envelope.js'
import { LIMITS } from '../limits.js'

/** How far there is anything to ask about. */
export interface Reach {
  /** Position of the log's newest event. */
  readonly head: bigint
  /** Time of the newest event that the question is about: past the present where this machine's clock was set back. */
  readonly newest: string
}

/** @throws RefusalError `invalid-request` that names the field, and where the log ends */
export function mustHaveBeen(point: Point, { head, newest }: Reach, field: string): void {
  if (point.type === 'position' && point.position > head)
    throw invalid(`Position ${point.position} is beyond the end of the log, ${head}`, field)
  if (point.type === 'time' && point.at > newest)
    timeMustHaveBeen(point.at, field, `; the log ends at position ${head}`)
}

/** @param at a time as it is recorded @param more what else is known @throws RefusalError `invalid-request` */
export function timeMustHaveBeen(at: string, field: string, more = ''): void {
  const now = Date.now()
  if (at > timestamp(now + LIMITS.clocks_ms))
    throw invalid(`${at} is yet to come: it is ${timestamp(now)}${more}`, field)
}
