// A log for whoever only reads it, beside the service that writes it or without one: the embedded file over a connection
// that cannot write and takes no lock, or an EventStoreDB. Everything comes in pages, so that memory does not grow with
// the log.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { EventStoreNotReady } from './eventstore/not-ready.js'
import { openEventStoreLog } from './eventstore/when-needed.js'
import { EMBEDDED_LIMITS } from './limits.js'
import type { EventLog, ReadAllOptions, ReadStreamOptions, RecordedEvent } from './log.js'
import { asEvent, type EventRow, LogReader, PAST_THE_END } from './reader.js'

/** The file of the embedded log in a data directory. */
export const LOG_FILE = 'log.db'

/** Where a log is. An embedded one says itself whose it is, unless it has events of several projects. */
export type LogSource =
  | { readonly dataDir: string; readonly project?: string }
  | { readonly eventstoreUrl: string; readonly project: string }

/** There is no log to be read where it was looked for. One line, with what to do. */
export class NoLog extends Error {
  override readonly name = 'NoLog'
}

/** An event as it is stored: data and metadata are JSON text. */
export type EventText = EventRow

export interface PageOptions {
  /** Only events after this position. */
  readonly after?: bigint
  /** Only events up to this position. Absent: up to the end, wherever that is by then. */
  readonly through?: bigint
  /** Only streams of which this is true. Absent: all. */
  readonly wanted?: (stream: string) => boolean
  /** Ends the iteration by throwing its reason. */
  readonly signal?: AbortSignal
}

/** A log that is read and nothing else. */
export interface LogForReading {
  readonly project: string
  /** @throws LogUnavailable */
  readStream(stream: string, options?: ReadStreamOptions): AsyncIterable<RecordedEvent>
  /** @throws LogUnavailable */
  readAll(options?: ReadAllOptions): AsyncIterable<RecordedEvent>
  /**
   * All events in the log's order, as text and some hundred at a time: a page has at most 256 of them, or 2 MiB and one
   * more.
   * @throws LogUnavailable
   */
  pages(options?: PageOptions): AsyncIterable<readonly EventText[]>
  /** Position of the newest event, of whoever it is, 0n for an empty log. */
  head(): Promise<bigint>
  close(): Promise<void>
}

/**
 * Opens a log for reading. Nothing is written and no lock is taken: the service may run, start and stop meanwhile.
 * (SQLite puts its own `-wal` and `-shm` beside a file that nobody has open.)
 * @throws NoLog there is none, it is no log, or it cannot be reached
 */
export async function openLogForReading(source: LogSource): Promise<LogForReading> {
  return 'dataDir' in source ? openFile(source) : openStore(source)
}

function openFile({
  dataDir,
  project,
}: {
  readonly dataDir: string
  readonly project?: string
}): LogForReading {
  const file = join(dataDir, LOG_FILE)
  if (!existsSync(file))
    throw new NoLog(
      `there is no event log in ${dataDir}: name the DATA_DIR of the service, or its EventStoreDB`,
    )
  let reader: LogReader
  let projects: readonly string[]
  try {
    reader = new LogReader(file, CACHE_KIB)
    projects = reader.streamsFrom(LEDGERS).map((name) => name.slice(LEDGERS.length))
  } catch (error) {
    throw new NoLog(`the event log ${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  const [only] = projects
  if (project === undefined ? projects.length === 1 : projects.includes(project))
    return new EmbeddedForReading(project ?? (only as string), reader)
  reader.close()
  if (projects.length === 0) throw new NoLog(`the event log ${file} has no events yet`)
  throw new NoLog(
    project === undefined
      ? `the event log ${file} is of several projects: say which of ${projects.join(', ')}`
      : `the event log ${file} has nothing of project ${project}; it is of ${projects.join(', ')}`,
  )
}

const LEDGERS = 'ledger.'
/** Of the file: it is gone through from one end to the other, and no page is asked for twice. */
const CACHE_KIB = 2 * 1024

class EmbeddedForReading implements LogForReading {
  constructor(
    readonly project: string,
    private readonly reader: LogReader,
  ) {}

  async *readStream(stream: string, options: ReadStreamOptions = {}): AsyncGenerator<RecordedEvent> {
    const { direction = 'forward', limit = Number.POSITIVE_INFINITY, signal } = options
    let from = options.from ?? (direction === 'forward' ? 0n : PAST_THE_END)
    for (let left = limit; left > 0; ) {
      signal?.throwIfAborted()
      const { rows, more } = this.reader.streamPage(stream, direction, from, left)
      for (const row of rows) yield asEvent(row)
      const last = rows.at(-1)
      if (!more || !last) return
      left -= rows.length
      from = last.revision + (direction === 'forward' ? 1n : -1n)
      await nextTurn()
    }
  }

  async *readAll(options: ReadAllOptions = {}): AsyncGenerator<RecordedEvent> {
    const { direction = 'forward', prefixes, limit = Number.POSITIVE_INFINITY, signal } = options
    let after = options.after ?? (direction === 'forward' ? 0n : PAST_THE_END)
    let left = limit
    for (;;) {
      signal?.throwIfAborted()
      const { rows, more } = this.reader.allPage(direction, after)
      for (const row of rows) {
        if (prefixes && !prefixes.some((prefix) => row.stream.startsWith(prefix))) continue
        if (left-- <= 0) return
        yield asEvent(row)
      }
      const last = rows.at(-1)
      if (!more || !last) return
      after = last.position
      await nextTurn()
    }
  }

  async *pages({ after = 0n, through, wanted, signal }: PageOptions = {}): AsyncGenerator<EventText[]> {
    let from = after
    for (;;) {
      signal?.throwIfAborted()
      const { rows, more } = this.reader.allPage('forward', from)
      const last = rows.at(-1)
      if (!last) return
      const ends = through !== undefined && last.position >= through
      const some = rows.filter(
        ({ stream, position }) => (!ends || position <= through) && (wanted === undefined || wanted(stream)),
      )
      if (some.length > 0) yield some
      if (ends || !more) return
      from = last.position
      await nextTurn()
    }
  }

  async head(): Promise<bigint> {
    return this.reader.head()
  }

  async close(): Promise<void> {
    this.reader.close()
  }
}

async function openStore({
  eventstoreUrl,
  project,
}: {
  readonly eventstoreUrl: string
  readonly project: string
}): Promise<LogForReading> {
  try {
    return new StoreForReading(project, await openEventStoreLog({ url: eventstoreUrl, project }))
  } catch (error) {
    if (!(error instanceof EventStoreNotReady)) throw error
    throw new NoLog(error.message, { cause: error })
  }
}

/** What is stored comes parsed from there, and is written again as it was: the service's events are plain JSON. */
class StoreForReading implements LogForReading {
  constructor(
    readonly project: string,
    private readonly log: EventLog,
  ) {}

  readStream(stream: string, options?: ReadStreamOptions): AsyncIterable<RecordedEvent> {
    return this.log.readStream(stream, options)
  }

  readAll(options?: ReadAllOptions): AsyncIterable<RecordedEvent> {
    return this.log.readAll(options)
  }

  async *pages({ after = 0n, through, wanted, signal }: PageOptions = {}): AsyncGenerator<EventText[]> {
    let page: EventText[] = []
    let size = 0
    for await (const event of this.log.readAll({ after, ...(signal ? { signal } : {}) })) {
      if (through !== undefined && event.position > through) break
      if (wanted && !wanted(event.stream)) continue
      const row = { ...event, data: textOf(event.data), metadata: textOf(event.metadata) }
      page.push(row)
      size += row.data.length + row.metadata.length
      if (page.length < EMBEDDED_LIMITS.pageEvents && size < EMBEDDED_LIMITS.pageBytes) continue
      yield page
      page = []
      size = 0
    }
    if (page.length > 0) yield page
  }

  head(): Promise<bigint> {
    return this.log.head()
  }

  close(): Promise<void> {
    return this.log.close()
  }
}

/** What is no JSON came as it stands. */
const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString('utf8') : JSON.stringify(value)
