// What somebody who watches is told of an event: the change, or that something they saw is gone from their sight.
import { LIVE } from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { HistoryEntry } from './entries.js'
import { type HistoryFilter, isOf, mayMatch } from './filter.js'
import type { Past } from './past.js'
import { type Sees, seenAt } from './sight.js'

export type Notice =
  | { readonly type: 'change'; readonly entry: HistoryEntry }
  /** It was given to somebody else, or to another graph than those that are watched: nothing more is said of it. */
  | { readonly type: 'gone'; readonly assistantId: string }

/** An event of an assistant's stream, and its entry; of the event's data nothing is needed any more. */
export interface Happened {
  readonly event: RecordedEvent
  readonly entry: HistoryEntry
}

/** What somebody watches. */
export interface Watched
  extends Pick<HistoryFilter, 'graphId' | 'types' | 'actor' | 'environment' | 'reason'> {
  /** Lower-case; absent: all. */
  readonly assistantId?: string
}

/** @returns undefined where there is nothing to tell: no change, none that is asked for, or none that may be seen */
export async function noticeOf(
  past: Past,
  { event, entry }: Happened,
  filter: Watched,
  sees: Sees,
): Promise<Notice | undefined> {
  if (event.type === 'CommandNoted') return undefined
  if (filter.assistantId !== undefined && filter.assistantId !== entry.assistant_id) return undefined
  const chronicle = await past.of(entry.assistant_id, event.revision)
  const seen = await seenAt(past, chronicle, event, sees)
  if (seen === 'hidden') return undefined
  const { graphId } = filter
  if (
    seen === 'gone' ||
    (graphId !== undefined && entry.graph_id !== graphId && entry.environment === LIVE)
  ) {
    const before = chronicle.after(event.revision - 1n).life && chronicle.liveAfter(event.revision - 1n)
    const wasWatched = before !== undefined && (graphId === undefined || before.graphId === graphId)
    // What was hidden before, and is of another graph now, was not watched.
    if (!wasWatched || (sees && !sees(await past.metadataOf(chronicle, before)))) return undefined
    return { type: 'gone', assistantId: entry.assistant_id }
  }
  return mayMatch(event, filter) && isOf(entry, filter, chronicle) ? { type: 'change', entry } : undefined
}
