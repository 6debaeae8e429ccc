// What a `fleet` query asks: three questions in one verb. A field that belongs to another question is refused, so that
// nobody takes one answer for another.
import { LIVE } from '@assistant-ledger/assistant'
import { invalid } from '../envelope.js'
import { idOf, timeOf } from '../fields.js'
import { LIMITS } from '../limits.js'
import type { FleetRequest } from '../queries/requests.js'

interface Page {
  readonly limit: number
  readonly offset: number
}

interface OfAssistant {
  readonly assistantId: string
  readonly environment: string
}

export type Question =
  /** Who is there, and with `gone` who was. */
  | ({ readonly type: 'runners'; readonly runner?: string; readonly environment?: string } & Page & {
        readonly gone: boolean
      })
  /** What was promoted, newest first. */
  | ({ readonly type: 'promotions' } & OfAssistant & Page)
  /** Where a promotion stands. */
  | ({ readonly type: 'standing' } & OfAssistant & {
        readonly which: 'now' | { readonly revision: number } | { readonly at: string }
      })

type Field = keyof FleetRequest

/** @throws RefusalError `invalid-request` */
export function questionOf(request: FleetRequest): Question {
  const { assistant_id, environment, promotions = false, revision, at, runner, gone = false } = request
  const { limit = LIMITS.fleetPageSize, offset = 0 } = request
  if (assistant_id === undefined) {
    refuseBeside(request, ['promotions', 'revision', 'at'], 'needs an assistant_id')
    const of = {
      ...(runner === undefined ? {} : { runner }),
      ...(environment === undefined ? {} : { environment }),
    }
    return { type: 'runners', ...of, gone, limit, offset }
  }
  const of = { assistantId: idOf(assistant_id), environment: environment ?? LIVE }
  refuseBeside(request, ['runner', 'gone'], 'does not go with an assistant_id')
  if (promotions) {
    refuseBeside(request, ['revision', 'at'], 'does not go with promotions')
    return { type: 'promotions', ...of, limit, offset }
  }
  refuseBeside(request, ['limit', 'offset'], 'goes with promotions: true, or without an assistant_id')
  if (revision !== undefined && at !== undefined) throw invalid('Give either revision or at', 'at')
  const which = revision !== undefined ? { revision } : at !== undefined ? { at: timeOf(at) } : 'now'
  return { type: 'standing', ...of, which }
}

function refuseBeside(request: FleetRequest, fields: readonly Field[], why: string): void {
  const given = fields.find((field) => request[field] !== undefined)
  if (given !== undefined) throw invalid(`${given} ${why}`, given)
}
