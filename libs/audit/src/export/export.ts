// The export: the log's events in their order, page by page, as lines that are chained to each other. What it writes it
// holds only as long as whoever takes it has not.
import { randomUUID } from 'node:crypto'
import { foldLedger, ledgerStream, timestamp } from '@assistant-ledger/assistant'
import type { LogForReading, RecordedEvent } from '@assistant-ledger/event-log'
import { type Altered, Judge } from './judge.js'
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
  storedJson,
} from './line.js'
import { NothingOfThat, wantedStreams } from './select.js'

/** Where an export stands, and where it can go on. */
export interface ExportStanding {
  readonly begun: Begun
  readonly events: number
  /** Of the last event written, "0" before the first. */
  readonly position: string
  readonly chain: string
  /** What was found altered in the log; absent where nothing was. */
  readonly altered?: Altered
}

export interface ExportOptions {
  readonly selection?: Selection
  /** Goes on after what was written before, rather than from the start. */
  readonly from?: ExportStanding
  readonly signal?: AbortSignal
  /** Told at the beginning, and after each page. `position` of `through` shows how far it is. */
  readonly onProgress?: (standing: ExportStanding) => void
}

/**
 * Yields the lines of an export, some hundred at a time, as UTF-8. It ends at the position that the log is at when it
 * begins, or at `until`. What was altered in the log is exported as it is, and told with the standing.
 * @throws NothingOfThat the log has nothing of an assistant or graph that is asked for, or ends before `since`
 * @throws LogUnavailable the log cannot be read
 * @throws Error the log has no events of the project
 */
export async function* exportLines(log: LogForReading, options: ExportOptions = {}): AsyncGenerator<Buffer> {
  const { signal, onProgress } = options
  const source = sourceOf(log.project)
  const about = () => ({ id: randomUUID(), source, time: timestamp(Date.now()) })
  const begun = options.from?.begun ?? (await beginning(log, options.selection ?? {}))
  const { selection } = begun
  const wanted = await wantedStreams(log, selection, signal)
  let standing = options.from
  if (!standing) {
    const { line, chain } = chained(frameLine(BEGUN, begun, about()), NO_CHAIN)
    standing = { begun, events: 0, position: '0', chain }
    onProgress?.(standing)
    yield Buffer.from(line)
  }
  const since = BigInt(selection.since ?? 0)
  const reached = BigInt(standing.position)
  const pages = log.pages({
    after: reached > since ? reached : since,
    through: BigInt(begun.through),
    wanted,
    ...(signal ? { signal } : {}),
  })
  const judge = new Judge(reached === 0n && since === 0n)
  for await (const page of pages) {
    let chain: string = standing.chain
    let text = ''
    for (const event of page) {
      const stored = storedJson(event)
      judge.take(event, stored)
      const closed = chained(eventLine(event, stored, source), chain)
      chain = closed.chain
      text += closed.line
    }
    const position: string = String(page.at(-1)?.position ?? standing.position)
    const { altered } = judge
    const events: number = standing.events + page.length
    standing = { begun, events, position, chain, ...(altered ? { altered } : {}) }
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
  if (BigInt(selection.since ?? 0) > head)
    throw new NothingOfThat(`the log ends at position ${head}, before ${selection.since}`)
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
