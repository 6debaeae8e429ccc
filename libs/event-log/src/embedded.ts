// The embedded log: one SQLite file, written by a thread of its own and read, in pages, where the requests are
// answered. It keeps EventStoreDB's rules for expected revisions and idempotent event ids, so that both adapters
// pass one contract suite.
import { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import {
  type Appended,
  type EventData,
  type EventLog,
  type ExpectedRevision,
  type Followed,
  type FollowOptions,
  LogConflict,
  LogInDoubt,
  LogRejected,
  LogUnavailable,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
} from './log.js'
import { SCHEMA } from './schema.js'

/** The limits of the embedded log. */
export const EMBEDDED_LIMITS = {
  /** UTF-8 bytes of data of one append, as EventStoreDB's default. */
  appendBytes: 1024 * 1024,
  /** Appends that share one fsync at most. */
  batchAppends: 512,
  /** Events read from the file at once. */
  pageEvents: 256,
} as const

/** Another process writes to the file. */
export class LogLocked extends Error {
  override readonly name = 'LogLocked'
  constructor(readonly file: string) {
    super(
      `another process is writing to the event log ${file}; stop it first, or give this one a DATA_DIR of its own`,
    )
  }
}

interface Row {
  readonly stream: string
  readonly revision: bigint
  readonly position: bigint
  readonly id: string
  readonly type: string
  readonly data: string
  readonly metadata: string
}

type Settled =
  | { readonly call: number; readonly revision: number; readonly position: number }
  | { readonly call: number; readonly conflict: number }
  | { readonly call: number; readonly failed: string }

interface Waiting {
  readonly stream: string
  readonly expected: ExpectedRevision
  resolve(appended: Appended): void
  reject(error: Error): void
}

/**
 * Opens a log file, and makes it when there is none.
 * @throws LogLocked when another process has it open for writing
 */
export async function openEmbeddedLog({ file }: { readonly file: string }): Promise<EventLog> {
  const worker = new Worker(new URL('./writer.mjs', import.meta.url), {
    workerData: { file, schema: SCHEMA, batchAppends: EMBEDDED_LIMITS.batchAppends },
  })
  const head = await new Promise<number>((resolve, reject) => {
    worker.once('error', reject)
    worker.once('message', (message: { type: string; head: number }) =>
      message.type === 'ready' ? resolve(message.head) : reject(new LogLocked(file)),
    )
  })
  worker.removeAllListeners('error')
  return new EmbeddedLog(file, worker, BigInt(head))
}

class EmbeddedLog implements EventLog {
  private readonly reader: Database.Database
  private readonly statements = new Map<string, Database.Statement>()
  private readonly waiting = new Map<number, Waiting>()
  private readonly wakers = new Set<() => void>()
  private calls = 0
  private closing: Promise<void> | undefined
  private broken: string | undefined

  constructor(
    file: string,
    private readonly worker: Worker,
    private newest: bigint,
  ) {
    this.reader = new Database(file, { readonly: true })
    this.reader.defaultSafeIntegers(true)
    worker.on('message', (message: { type: string; results: readonly Settled[] }) => {
      if (message.type === 'settled') this.settle(message.results)
    })
    worker.on('error', (error) => this.break(String(error)))
    worker.on('exit', () => this.break('its writer has ended'))
  }

  append(stream: string, expected: ExpectedRevision, events: readonly EventData[]): Promise<Appended> {
    if (this.broken ?? this.closing)
      return Promise.reject(new LogUnavailable(this.broken ?? 'the log is closing'))
    let rows: ReturnType<typeof asRow>[]
    try {
      rows = asRows(events)
    } catch (error) {
      return Promise.reject(error)
    }
    const call = ++this.calls
    return new Promise((resolve, reject) => {
      this.waiting.set(call, { stream, expected, resolve, reject })
      this.worker.postMessage({ call, stream, expected: asNumber(expected), events: rows })
    })
  }

  async *readStream(stream: string, options: ReadStreamOptions = {}): AsyncGenerator<RecordedEvent> {
    const { direction = 'forward', limit = Number.POSITIVE_INFINITY, signal } = options
    const forward = direction === 'forward'
    let from = options.from ?? (forward ? 0n : MAX_INTEGER)
    let left = limit
    while (left > 0 && !signal?.aborted) {
      const page = Math.min(left, EMBEDDED_LIMITS.pageEvents)
      const rows = this.statement(
        `${SELECT} WHERE s.name = ? AND e.revision ${forward ? '>=' : '<='} ? ORDER BY e.revision ${forward ? 'ASC' : 'DESC'} LIMIT ?`,
      ).all(stream, from, page) as Row[]
      for (const row of rows) yield asEvent(row)
      const last = rows.at(-1)
      if (!last || rows.length < page) return
      left -= rows.length
      from = forward ? last.revision + 1n : last.revision - 1n
    }
  }

  async *readAll(options: ReadAllOptions = {}): AsyncGenerator<RecordedEvent> {
    const { direction = 'forward', limit = Number.POSITIVE_INFINITY, prefixes, signal } = options
    const forward = direction === 'forward'
    let after = options.after ?? (forward ? 0n : MAX_INTEGER)
    let left = limit
    while (left > 0 && !signal?.aborted) {
      const rows = this.page(after, forward)
      for (const row of rows) {
        after = row.position
        if (!matches(row.stream, prefixes)) continue
        yield asEvent(row)
        left -= 1
        if (left === 0 || signal?.aborted) return
      }
      if (rows.length < EMBEDDED_LIMITS.pageEvents) return
    }
  }

  async *follow({ after = 0n, prefixes, signal }: FollowOptions): AsyncGenerator<Followed> {
    let seen = after
    while (!signal.aborted && !this.closing && !this.broken) {
      const rows = this.page(seen, true)
      for (const row of rows) {
        seen = row.position
        if (matches(row.stream, prefixes)) yield { type: 'event', event: asEvent(row) }
        if (signal.aborted) return
      }
      if (rows.length === EMBEDDED_LIMITS.pageEvents) continue
      yield { type: 'caught-up', position: seen }
      // Between the yield and here more may have come: newest tells, so no wake-up is missed.
      if (this.newest <= seen) await this.more(signal)
    }
    if (this.broken) throw new LogUnavailable(this.broken)
  }

  async head(): Promise<bigint> {
    const row = this.statement('SELECT max(position) AS position FROM events').get() as {
      position: bigint | null
    }
    return row.position ?? 0n
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown()
    return this.closing
  }

  private async shutDown(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.worker.once('exit', () => resolve()))
    this.worker.postMessage({ type: 'close' })
    await closed
    this.wake()
    this.reader.close()
  }

  private page(after: bigint, forward: boolean): Row[] {
    return this.statement(
      `${SELECT} WHERE e.position ${forward ? '>' : '<'} ? ORDER BY e.position ${forward ? 'ASC' : 'DESC'} LIMIT ?`,
    ).all(after, EMBEDDED_LIMITS.pageEvents) as Row[]
  }

  private statement(sql: string): Database.Statement {
    const known = this.statements.get(sql)
    if (known) return known
    const prepared = this.reader.prepare(sql)
    this.statements.set(sql, prepared)
    return prepared
  }

  private settle(results: readonly Settled[]): void {
    for (const result of results) {
      const call = this.waiting.get(result.call)
      if (!call) continue
      this.waiting.delete(result.call)
      if ('failed' in result) call.reject(new LogUnavailable(`nothing was written: ${result.failed}`))
      else if ('conflict' in result)
        call.reject(new LogConflict(call.stream, call.expected, asRevision(result.conflict)))
      else {
        const position = BigInt(result.position)
        if (position > this.newest) this.newest = position
        call.resolve({ revision: BigInt(result.revision), position })
      }
    }
    this.wake()
  }

  private more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake)
        this.wakers.delete(wake)
        resolve()
      }
      signal.addEventListener('abort', wake, { once: true })
      this.wakers.add(wake)
      if (signal.aborted || this.closing) wake()
    })
  }

  private wake(): void {
    for (const waker of [...this.wakers]) waker()
  }

  private break(reason: string): void {
    if (!this.closing) this.broken ??= `the writer of the log failed: ${reason}`
    for (const { reject } of this.waiting.values())
      reject(new LogInDoubt(this.broken ?? 'the log was closed'))
    this.waiting.clear()
    this.wake()
  }
}

const MAX_INTEGER = 2n ** 63n - 1n

const SELECT =
  'SELECT s.name AS stream, e.revision, e.position, e.id, e.type, e.data, e.metadata FROM events e JOIN streams s USING (stream_id)'

const matches = (stream: string, prefixes: readonly string[] | undefined): boolean =>
  prefixes === undefined || prefixes.some((prefix) => stream.startsWith(prefix))

const asNumber = (expected: ExpectedRevision): number => (expected === 'no_stream' ? -1 : Number(expected))

const asRevision = (revision: number): ExpectedRevision => (revision < 0 ? 'no_stream' : BigInt(revision))

function asRows(events: readonly EventData[]) {
  if (events.length === 0) throw new LogRejected('an append of no events says nothing')
  const rows = events.map(asRow)
  let bytes = 0
  for (const { data, metadata } of rows) bytes += Buffer.byteLength(data) + Buffer.byteLength(metadata)
  if (bytes > EMBEDDED_LIMITS.appendBytes)
    throw new LogRejected(`an append has ${bytes} bytes; at most ${EMBEDDED_LIMITS.appendBytes} are taken`)
  return rows
}

function asRow({ id, type, data, metadata }: EventData) {
  try {
    return { id, type, data: JSON.stringify(data), metadata: JSON.stringify(metadata) }
  } catch (cause) {
    throw new LogRejected(`event ${id} of type ${type} has no JSON text`, { cause })
  }
}

const asEvent = ({ data, metadata, ...rest }: Row): RecordedEvent => ({
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
