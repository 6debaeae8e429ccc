// The embedded log: one SQLite file, written by a thread of its own and read, in pages, where the requests are
// answered. It keeps EventStoreDB's rules for expected revisions and idempotent event ids, so that both adapters
// pass one contract suite.
import { realpath } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { EMBEDDED_LIMITS } from './limits.js'
import {
  type Appended,
  type Direction,
  type EventData,
  type EventLog,
  type ExpectedRevision,
  type Followed,
  type FollowOptions,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
} from './log.js'
import { asEvent, LogReader, PAST_THE_END } from './reader.js'
import { seal } from './seal.js'
import { type LogWriter, startWriter } from './writer.js'

/** Another process, or another log of this one, writes to the file. */
export class LogLocked extends Error {
  override readonly name = 'LogLocked'
  constructor(readonly file: string) {
    super(
      `another process is writing to the event log ${file}; stop it first, or give this one a DATA_DIR of its own`,
    )
  }
}

/**
 * Opens a log file, and makes it when there is none; its folder must exist. Close it, or its thread keeps the
 * process alive.
 * @throws LogLocked somebody else has it open for writing
 * @throws LogUnavailable it cannot be opened: no access, damaged, written by a newer version
 */
export async function openEmbeddedLog({ file }: { readonly file: string }): Promise<EventLog> {
  // The lock goes by name: a link to the file must not be a second one.
  const path = await realpath(file).catch(() => resolve(file))
  const writer = await startWriter(path)
  if (writer === 'locked') throw new LogLocked(file)
  try {
    return new EmbeddedLog(writer, new LogReader(path))
  } catch (error) {
    await writer.close()
    throw error
  }
}

class EmbeddedLog implements EventLog {
  constructor(
    private readonly writer: LogWriter,
    private readonly reader: LogReader,
  ) {}

  async append(stream: string, expected: ExpectedRevision, events: readonly EventData[]): Promise<Appended> {
    const { sealed, bytes } = seal(stream, expected, events)
    return this.writer.append(stream, expected, sealed, bytes)
  }

  async *readStream(stream: string, options: ReadStreamOptions = {}): AsyncGenerator<RecordedEvent> {
    const { direction = 'forward', limit = Number.POSITIVE_INFINITY, signal } = options
    const step = direction === 'forward' ? 1n : -1n
    let from = options.from ?? (direction === 'forward' ? 0n : PAST_THE_END)
    let left = limit
    while (left > 0) {
      signal?.throwIfAborted()
      const { rows, more } = this.reader.streamPage(stream, direction, from, left)
      for (const row of rows) {
        yield asEvent(row)
        signal?.throwIfAborted()
        from = row.revision + step
      }
      left -= rows.length
      if (!more || left <= 0) return
      await nextTurn()
    }
  }

  async *readAll(options: ReadAllOptions = {}): AsyncGenerator<RecordedEvent> {
    const { direction = 'forward', limit = Number.POSITIVE_INFINITY, prefixes, signal } = options
    let after = options.after ?? (direction === 'forward' ? 0n : PAST_THE_END)
    let left = limit
    while (left > 0) {
      signal?.throwIfAborted()
      const page = this.page(direction, after, prefixes)
      for (const event of page.events) {
        yield event
        signal?.throwIfAborted()
        left -= 1
        if (left <= 0) return
      }
      after = page.through
      if (!page.more) return
      await nextTurn()
    }
  }

  async *follow({ after = 0n, prefixes, signal }: FollowOptions): AsyncGenerator<Followed> {
    let seen = after
    do {
      for (;;) {
        if (signal.aborted || this.closed) return
        const page = this.page('forward', seen, prefixes, true)
        for (const event of page.events) {
          yield { type: 'event', event }
          if (signal.aborted) return
        }
        seen = page.through
        if (!page.more) break
        await nextTurn()
      }
      yield { type: 'caught-up', position: seen }
      // What was committed since is past `seen` and known to the writer: no wake-up can be missed.
    } while (await this.writer.beyond(seen, signal))
  }

  /**
   * The next events that match, from memory when all that follow are there, else from the file.
   * @param follows whether whoever reads waits for more at the end
   */
  private page(
    direction: Direction,
    after: bigint,
    prefixes: readonly string[] | undefined,
    follows = false,
  ): EventPage {
    const most = EMBEDDED_LIMITS.pageEvents
    const recent = direction === 'forward' && !this.closed ? this.writer.recent.after(after, most) : undefined
    // What is written is in the file a moment before the writer tells of it. Whoever follows is woken for that; who reads
    // to the end would stop short of a head that was read from the file.
    if (recent && (follows || recent.length === most)) {
      const events = recent.filter(({ stream }) => matches(stream, prefixes))
      return { events, through: recent.at(-1)?.position ?? after, more: recent.length === most }
    }
    const { rows, more } = this.reader.allPage(direction, after)
    const events = rows.filter(({ stream }) => matches(stream, prefixes)).map(asEvent)
    return { events, through: rows.at(-1)?.position ?? after, more }
  }

  async head(): Promise<bigint> {
    return this.reader.head()
  }

  mayGoPast(stream: string, position: bigint): boolean {
    return this.writer.mayGoPast(stream, position)
  }

  async close(): Promise<void> {
    this.closed = true
    // Before the writer is told to: its connection then is the last one, and folds the write-ahead log into the file.
    this.reader.close()
    await this.writer.close()
  }

  private closed = false
}

interface EventPage {
  readonly events: readonly RecordedEvent[]
  /** Everything up to here is in `events` or does not match. */
  readonly through: bigint
  readonly more: boolean
}

const matches = (stream: string, prefixes: readonly string[] | undefined): boolean =>
  prefixes === undefined || prefixes.some((prefix) => stream.startsWith(prefix))
