// The reading side of the embedded log: a connection of its own that cannot write, on the thread of its callers.
// It reads in pages and holds nothing open between them, so that the writer's checkpoints are never held up.
import Database from 'better-sqlite3'
import { EMBEDDED_LIMITS } from './limits.js'
import { type Direction, LogUnavailable, type RecordedEvent } from './log.js'

/** An event as its row has it; data and metadata are JSON text. */
export interface EventRow {
  readonly stream: string
  readonly revision: bigint
  readonly position: bigint
  readonly id: string
  readonly type: string
  readonly data: string
  readonly metadata: string
}

/** `more` is false when the page holds all that there was. */
export interface Page {
  readonly rows: readonly EventRow[]
  readonly more: boolean
}

/** Reads a log file that a writer holds open. */
export class LogReader {
  private readonly db: Database.Database
  private readonly streamPages: Record<Direction, Database.Statement<unknown[], EventRow>>
  private readonly allPages: Record<Direction, Database.Statement<unknown[], EventRow>>
  private readonly newest: Database.Statement<unknown[], { readonly position: bigint }>

  /** @param cache_KiB of pages that are kept; SQLite's own measure when absent */
  constructor(file: string, cache_KiB?: number) {
    this.db = new Database(file, { readonly: true })
    if (cache_KiB !== undefined) this.db.pragma(`cache_size = -${cache_KiB}`)
    this.db.defaultSafeIntegers(true)
    const prepare = (tail: string) => this.db.prepare<unknown[], EventRow>(`${SELECT} ${tail} LIMIT ?`)
    this.streamPages = {
      forward: prepare('WHERE s.name = ? AND e.revision >= ? ORDER BY e.revision'),
      backward: prepare('WHERE s.name = ? AND e.revision <= ? ORDER BY e.revision DESC'),
    }
    this.allPages = {
      forward: prepare('WHERE e.position > ? ORDER BY e.position'),
      backward: prepare('WHERE e.position < ? ORDER BY e.position DESC'),
    }
    this.newest = this.db.prepare('SELECT coalesce(max(position), 0) AS position FROM events')
  }

  /** Events of a stream from a revision on, inclusive. */
  streamPage(stream: string, direction: Direction, from: bigint, limit: number): Page {
    return this.page(this.streamPages[direction], limit, stream, from)
  }

  /** Events of the log past a position, exclusive. */
  allPage(direction: Direction, after: bigint): Page {
    return this.page(this.allPages[direction], EMBEDDED_LIMITS.pageEvents, after)
  }

  /** Names of the streams that begin so. */
  streamsFrom(prefix: string): string[] {
    this.checkOpen()
    const names = this.db.prepare<unknown[], { readonly name: string }>(
      'SELECT name FROM streams WHERE name >= ? AND name < ? ORDER BY name',
    )
    return names.all(prefix, `${prefix}\u{10ffff}`).map(({ name }) => name)
  }

  head(): bigint {
    this.checkOpen()
    return this.newest.get()?.position ?? 0n
  }

  close(): void {
    this.db.close()
  }

  private page(
    statement: Database.Statement<unknown[], EventRow>,
    limit: number,
    ...keys: readonly unknown[]
  ): Page {
    this.checkOpen()
    const atMost = Math.min(limit, EMBEDDED_LIMITS.pageEvents)
    const rows: EventRow[] = []
    let size = 0
    for (const row of statement.iterate(...keys, atMost)) {
      rows.push(row)
      size += row.data.length + row.metadata.length
      if (size >= EMBEDDED_LIMITS.pageBytes) return { rows, more: true }
    }
    return { rows, more: rows.length === atMost }
  }

  private checkOpen(): void {
    if (!this.db.open) throw new LogUnavailable('the log is closed')
  }
}

/** Beyond every revision and position that a file can hold, and still an integer to SQLite. */
export const PAST_THE_END = 2n ** 63n - 1n

const SELECT =
  'SELECT s.name AS stream, e.revision, e.position, e.id, e.type, e.data, e.metadata FROM events e JOIN streams s USING (stream_id)'

/** The event of a row. */
export const asEvent = ({ data, metadata, ...rest }: EventRow): RecordedEvent => ({
  ...rest,
  data: parse(data),
  metadata: parse(metadata),
})

/** What is not JSON comes back as it stands: whoever reads it decides. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
