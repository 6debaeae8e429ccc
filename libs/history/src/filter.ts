// Which entries somebody asks for.
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { Chronicle } from './chronicle.js'
import type { HistoryEntry } from './entries.js'

/** All hold together; absent matches everything. */
export interface HistoryFilter {
  /** The id of who acted, whole. */
  readonly actor?: string
  readonly types?: ReadonlySet<string>
  readonly graphId?: string
  /** What moved this environment. */
  readonly environment?: string
  /** As recorded, inclusive. */
  readonly since?: string
  /** As recorded, exclusive. */
  readonly until?: string
  /** A part of the reason, in any case. */
  readonly reason?: string
}

/** Whether an event may match, by what it says of itself: nothing else has to be read for one that does not. */
export function mayMatch(
  event: RecordedEvent,
  { actor, types, since, until, reason }: HistoryFilter,
): boolean {
  if (types && !types.has(event.type)) return false
  const metadata = (event.metadata ?? {}) as {
    readonly actor?: { readonly id?: unknown }
    readonly at?: unknown
    readonly reason?: unknown
  }
  if (actor !== undefined && metadata.actor?.id !== actor) return false
  const at = typeof metadata.at === 'string' ? metadata.at : ''
  if (since !== undefined && at < since) return false
  if (until !== undefined && at >= until) return false
  if (reason === undefined) return true
  return typeof metadata.reason === 'string' && metadata.reason.toLowerCase().includes(reason.toLowerCase())
}

/** Whether an entry matches that {@link mayMatch} let through. */
export function isOf(
  entry: HistoryEntry,
  { graphId, environment }: HistoryFilter,
  chronicle: Chronicle | undefined,
): boolean {
  if (graphId !== undefined && entry.graph_id !== graphId) return false
  if (environment === undefined || entry.environment === environment) return true
  if (entry.reports) return entry.reports.some((report) => report.environment === environment)
  // A deletion takes away what each environment pointed to.
  if (entry.type !== 'AssistantDeleted') return false
  return chronicle?.after(BigInt(entry.revision) - 1n).life?.pointers.has(environment) ?? false
}
