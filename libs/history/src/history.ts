// The events of one assistant or of all, newest first, page by page. A page costs a bounded number of events read, beside
// the streams of the assistants that it shows; one that has not found enough within it ends with a cursor to go on from.
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { Chronicle } from './chronicle.js'
import { type Cursor, printCursor } from './cursor.js'
import { entryOf, type HistoryEntry, reportEntryOf } from './entries.js'
import { type HistoryFilter, isOf, mayMatch } from './filter.js'
import { HISTORY_LIMITS } from './limits.js'
import { newestFirst } from './newest-first.js'
import type { Past } from './past.js'
import type { Moment } from './points.js'
import { type Sees, seenAt } from './sight.js'

export interface HistoryQuery extends HistoryFilter {
  /** 1 to 1,000. */
  readonly limit: number
  /** The `next` of the page before. */
  readonly before?: Cursor
}

export interface HistoryPage {
  /** Newest first. */
  readonly entries: readonly HistoryEntry[]
  /** Where the next page begins; absent: nothing is left. A page may have it without being full. */
  readonly next?: string
}

/** @param receipts whether what runners reported on it is shown too */
export async function historyOf(
  past: Past,
  assistantId: string,
  query: HistoryQuery & { readonly receipts?: boolean },
  sees?: Sees,
): Promise<HistoryPage> {
  const chronicle = await past.of(assistantId)
  const { before, receipts = false } = query
  const page = new Page(query.limit, before?.reports)
  for await (const event of newestFirst(own(past, chronicle, query), reportsOf(past, assistantId, query))) {
    const isReport = event.stream !== chronicle.stream
    if (before && event.position >= before.position) continue
    if (page.isDone) return page.until(receipts)
    page.passed(event, isReport)
    if (!mayMatch(event, query)) continue
    const entry = isReport ? reportEntryOf(assistantId, event) : entryOf(chronicle, event)
    if (!entry || !isOf(entry, query, chronicle)) continue
    const { position } = event
    const judged = isReport ? { revision: chronicle.revisionAt({ type: 'position', position }) } : event
    if ((await seenAt(past, chronicle, judged, sees)) === 'seen') page.add(entry)
  }
  return page.end()
}

/** The assistant's own events, from the last one that can be asked for to the first. */
async function* own(
  past: Past,
  chronicle: Chronicle,
  { before, since, until }: HistoryQuery,
): AsyncGenerator<RecordedEvent> {
  let from = chronicle.next - 1n
  const upTo = (moment: Moment) => {
    const revision = chronicle.revisionAt(moment)
    if (revision < from) from = revision
  }
  if (before) upTo({ type: 'position', position: before.position - 1n })
  // In a stream times never run backwards.
  if (until !== undefined) upTo({ type: 'time', at: until })
  if (from < 0n) return
  for await (const event of past.log.readStream(chronicle.stream, { direction: 'backward', from })) {
    if (since !== undefined && chronicle.timeOf(event.revision) < since) return
    yield event
  }
}

async function* reportsOf(
  past: Past,
  assistantId: string,
  { before, receipts }: HistoryQuery & { readonly receipts?: boolean },
): AsyncGenerator<RecordedEvent> {
  if (!receipts) return
  const from = before?.reports === undefined ? {} : { from: before.reports }
  yield* past.log.readStream(past.fleetStreamOf(assistantId), { direction: 'backward', ...from })
}

/** The events of all assistants. */
export async function historyOfAll(all: Past, query: HistoryQuery, sees?: Sees): Promise<HistoryPage> {
  const { before } = query
  const past = all.counting()
  const page = new Page(query.limit)
  const events = past.log.readAll({
    direction: 'backward',
    ...(before === undefined ? {} : { after: before.position }),
  })
  for await (const event of events) {
    if (page.isDone || page.scanned + past.read >= HISTORY_LIMITS.scanned) return page.until(false)
    page.passed(event, false)
    if (!event.stream.startsWith(past.prefix) || !mayMatch(event, query)) continue
    const chronicle = await past.with(event)
    const entry = entryOf(chronicle, event)
    if (!isOf(entry, query, chronicle)) continue
    if ((await seenAt(past, chronicle, event, sees)) === 'seen') page.add(entry)
  }
  return page.end()
}

class Page {
  scanned = 0
  private readonly entries: HistoryEntry[] = []
  private position = 0n
  private size = 0

  constructor(
    private readonly limit: number,
    private reports?: bigint,
  ) {}

  /** Whether nothing more is to be read for it. */
  get isDone(): boolean {
    const { scanned, pageSize } = HISTORY_LIMITS
    return this.entries.length >= this.limit || this.scanned >= scanned || this.size >= pageSize
  }

  /** An event was read, whether or not it will be shown. */
  passed({ position, revision }: RecordedEvent, isReport: boolean): void {
    this.scanned += 1
    this.position = position
    if (isReport) this.reports = revision
  }

  add(entry: HistoryEntry): void {
    this.entries.push(entry)
    this.size += JSON.stringify(entry).length
  }

  end(): HistoryPage {
    return { entries: this.entries }
  }

  /** There is more. */
  until(withReports: boolean): HistoryPage {
    const { entries, position, reports } = this
    const cursor = { position, ...(withReports && reports !== undefined ? { reports } : {}) }
    return { entries, next: printCursor(cursor) }
  }
}
