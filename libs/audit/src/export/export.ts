// The export: the log's events in their order, page by page, as lines that are chained to each other. What it writes it
// holds only as long as whoever takes it has not.
import { randomUUID } from 'node:crypto'
import { foldLedger, ledgerStream, timestamp } from '@assistant-ledger/assistant'
import type { LogForReading, RecordedEvent } from '@assistant-ledger/event-log'
import {
  BEGUN,
  type Begun,
  chained,
  ENDED,
  type Ended,
  eventLine,
  FORMAT,
  frameLine,
  NO_CHAIN,
  type Selection,
  sourceOf,
} from './line.js'
import { wantedStreams } from './select.js'

/** Where an export stands, and where it can go on. */
export interface ExportStanding {
  readonly begun: Begun
  readonly events: number
  /** Of the last event written, "0" before the first. */
  readonly position: string
  readonly chain: string
}

export interface ExportOptions {
  readonly selection?: Selection
  /** Goes on after what was written before, rather than from the start. */
  readonly from?: ExportStanding
  readonly signal?: AbortSignal
  /** Told after each page. `position` of `through` shows how far it is. */
  readonly onProgress?: (standing: ExportStanding) => void
}

/**
 * Yields the lines of an export, some hundred at a time, as UTF-8. It ends at the position that the log is at when it
 * begins, or at `until`.
 * @throws LogUnavailable the log cannot be read
 * @throws Error the log has no events of the project
 */
export async function* exportLines(log: LogForReading, options: ExportOptions = {}): AsyncGenerator<Buffer> {
  const { signal, onProgress } = options
  const source = sourceOf(log.project)
  const about = () => ({ id: randomUUID(), source, time: timestamp(Date.now()) })
  let standing = options.from
  if (!standing) {
    const begun = await beginning(log, options.selection ?? {})
    const { line, chain } = chained(frameLine(BEGUN, begun, about()), NO_CHAIN)
    standing = { begun, events: 0, position: '0', chain }
    yield Buffer.from(line)
  }
  const { begun } = standing
  const { selection } = begun
  const wanted = await wantedStreams(log, selection, signal)
  const since = BigInt(selection.since ?? 0)
  const reached = BigInt(standing.position)
  const pages = log.pages({
    after: reached > since ? reached : since,
    through: BigInt(begun.through),
    wanted,
    ...(signal ? { signal } : {}),
  })
  for await (const page of pages) {
    let chain: string = standing.chain
    let text = ''
    for (const event of page) {
      const closed = chained(eventLine(event, source), chain)
      chain = closed.chain
      text += closed.line
    }
    const position: string = String(page.at(-1)?.position ?? standing.position)
    standing = { begun, events: standing.events + page.length, position, chain }
    yield Buffer.from(text)
    onProgress?.(standing)
  }
  const { events, position, chain } = standing
  const ended: Ended = { events, position, chain }
  yield Buffer.from(chained(frameLine(ENDED, ended, about()), chain).line)
}

async function beginning(log: LogForReading, selection: Selection): Promise<Begun> {
  const events: RecordedEvent[] = []
  for await (const event of log.readStream(ledgerStream(log.project))) events.push(event)
  const ledger = foldLedger(events)
  if (!ledger) throw new Error(`the log has no events of project ${log.project}`)
  const head = await log.head()
  const until = selection.until === undefined ? head : BigInt(selection.until)
  return {
    format: FORMAT,
    project: log.project,
    log_id: ledger.logId,
    epoch: ledger.epoch,
    through: String(until < head ? until : head),
    selection,
  }
}
