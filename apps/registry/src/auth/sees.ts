// What somebody may see, as the questions about the past ask for it: event by event, and not of rows.
import type { JsonObject } from '@assistant-ledger/assistant'
import type { Sees } from '@assistant-ledger/history'
import { contains, matches } from '@assistant-ledger/read-model'
import type { Filter } from './authorizer.js'

/** @param narrowed metadata that an auth handler narrowed a search to */
export function seesOf(visible: Filter | undefined, narrowed?: JsonObject): Sees {
  if (visible === undefined && narrowed === undefined) return undefined
  return (metadata) =>
    (visible === undefined || matches(metadata, visible)) &&
    (narrowed === undefined || contains(metadata, narrowed))
}
