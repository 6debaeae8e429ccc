// What the fields of questions about the past say, or a refusal that names the field.
import {
  type HistoryFilter,
  type HistoryQuery,
  type Moment,
  POINT_FORMS,
  type Point,
  parseCursor,
  parseMoment,
  parsePoint,
  parseTime,
  type Watched,
} from '@assistant-ledger/history'
import { invalid } from '../envelope.js'
import { idOf } from '../fields.js'
import { type ChangesRequest, HISTORY_TYPES, type HistoryRequest } from './past-requests.js'

/** @throws RefusalError `invalid-request` */
export function pointOf(text: string, field: string): Point {
  const point = parsePoint(text)
  if (!point) throw invalid(`${field} must be ${POINT_FORMS}`, field)
  return point
}

/** @throws RefusalError `invalid-request` */
export function momentOf(text: string, field: string): Moment {
  const moment = parseMoment(text)
  if (!moment)
    throw invalid(`${field} must be a time, such as 2026-01-31T12:00:00Z, or a position of the log`, field)
  return moment
}

/** A JSON pointer (RFC 6901): empty, or a slash before each key. @throws RefusalError `invalid-request` */
export function pointerOf(text: string, field: string): string {
  if (/^(\/([^/~]|~[01])*)*$/.test(text)) return text
  throw invalid(`${field} must be a JSON pointer, such as /context/prompt`, field)
}

/** @throws RefusalError `invalid-request` */
export function typesOf(type: string): ReadonlySet<string> {
  const types = type.split(',').map((one) => one.trim())
  const odd = types.find((one) => !HISTORY_TYPES.includes(one))
  if (odd !== undefined) throw invalid(`type must be some of ${HISTORY_TYPES.join(', ')}`, 'type')
  return new Set(types)
}

/** @throws RefusalError `invalid-request` */
export function historyQueryOf(request: HistoryRequest): HistoryQuery & { readonly receipts?: boolean } {
  const { assistant_id, limit, before, receipts } = request
  if (receipts && assistant_id === undefined) throw invalid('receipts needs an assistant_id', 'receipts')
  const cursor = before === undefined ? undefined : parseCursor(before)
  if (before !== undefined && !cursor) throw invalid('before must be the `next` of a page', 'before')
  return {
    limit,
    ...filterOf(request),
    ...(cursor ? { before: cursor } : {}),
    ...(receipts ? { receipts } : {}),
  }
}

/** @throws RefusalError `invalid-request` */
export function watchedOf(request: ChangesRequest): Watched {
  const { assistant_id, actor, type, graph_id, environment, reason } = request
  return {
    ...(assistant_id === undefined ? {} : { assistantId: idOf(assistant_id) }),
    ...(actor === undefined ? {} : { actor }),
    ...(type === undefined ? {} : { types: typesOf(type) }),
    ...(graph_id === undefined ? {} : { graphId: graph_id }),
    ...(environment === undefined ? {} : { environment }),
    ...(reason === undefined ? {} : { reason }),
  }
}

function filterOf(request: HistoryRequest): HistoryFilter {
  const { actor, type, graph_id, environment, since, until, reason } = request
  return {
    ...(actor === undefined ? {} : { actor }),
    ...(type === undefined ? {} : { types: typesOf(type) }),
    ...(graph_id === undefined ? {} : { graphId: graph_id }),
    ...(environment === undefined ? {} : { environment }),
    ...(since === undefined ? {} : { since: timeIn(since, 'since') }),
    ...(until === undefined ? {} : { until: timeIn(until, 'until') }),
    ...(reason === undefined ? {} : { reason }),
  }
}

function timeIn(text: string, field: string): string {
  const at = parseTime(text)
  if (at === undefined) throw invalid(`${field} must be a time, such as 2026-01-31T12:00:00Z`, field)
  return at
}
