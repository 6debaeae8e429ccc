// The near side of the writer thread: hands appends over, a turn's worth in one message, and settles each when the
// thread says that it is on disk, or why it is not. Its commits wake whoever follows the log.
import { Worker } from 'node:worker_threads'
import { EMBEDDED_LIMITS } from './limits.js'
import { type Appended, type ExpectedRevision, LogConflict, LogInDoubt, LogUnavailable } from './log.js'
import { reasonOf, type Told } from './reason.js'
import { RecentEvents } from './recent-events.js'
import { FORMAT, SCHEMA } from './schema.js'
import type { SealedEvent } from './seal.js'

/** An append on its way to the thread; -1 expects no stream. */
export interface Sealed {
  readonly call: number
  readonly stream: string
  readonly expected: number
  readonly events: readonly SealedEvent[]
  readonly bytes: number
}

/** What the thread is asked. */
export type Request =
  | { readonly type: 'append'; readonly appends: readonly Sealed[] }
  | { readonly type: 'close' }

/** What became of an append. */
export type Settled =
  | { readonly call: number; readonly revision: number; readonly position: number }
  /** The stream's revision, -1 for no stream. */
  | { readonly call: number; readonly conflict: number }
  | { readonly call: number; readonly failed: string; readonly inDoubt: boolean }

/** What became of a batch; after a fatal one the thread writes nothing more. */
export interface Outcome {
  readonly type: 'settled'
  readonly results: readonly Settled[]
  readonly fatal: string | undefined
}

/** What opening the file came to. */
export type Opened =
  | { readonly type: 'ready'; readonly newest: number }
  | { readonly type: 'locked' }
  | ({ readonly type: 'failed' } & Told)

interface Waiting {
  readonly stream: string
  readonly expected: ExpectedRevision
  readonly events: readonly SealedEvent[]
  readonly bytes: number
  resolve(appended: Appended): void
  reject(error: Error): void
}

/** Starts a thread that writes the file, and tells what opening it came to. */
export async function startWriter(file: string): Promise<LogWriter | 'locked'> {
  const { batchAppends, batchBytes } = EMBEDDED_LIMITS
  const worker = new Worker(new URL('./writer-thread.mjs', import.meta.url), {
    workerData: { file, schema: SCHEMA, format: FORMAT, batchAppends, batchBytes },
  })
  return new Promise((resolve, reject) => {
    const fail = (reason: Told) =>
      reject(
        new LogUnavailable(`the event log ${file} does not open: ${reasonOf(reason)}`, { cause: reason }),
      )
    worker.once('error', fail)
    worker.once('exit', () => fail({ message: 'its writer has ended' }))
    worker.once('message', (opened: Opened) => {
      // By name: the worker listens to itself, to know whether anybody waits for its messages.
      worker.removeAllListeners('error').removeAllListeners('exit')
      if (opened.type === 'failed') fail(opened)
      else resolve(opened.type === 'locked' ? 'locked' : new LogWriter(worker, BigInt(opened.newest)))
    })
  })
}

/** Appends to the file, as long as its thread lives. */
export class LogWriter {
  readonly recent = new RecentEvents()
  private readonly waiting = new Map<number, Waiting>()
  private readonly wakers = new Set<() => void>()
  private readonly ended: Promise<void>
  /** The newest position of each stream that was written lately, the latest last. */
  private readonly ends = new Map<string, bigint>()
  /** Streams that are not among the recent ones have nothing past this. */
  private forgotten: bigint
  private unsent: Sealed[] = []
  private waitingBytes = 0
  private calls = 0
  private refusal: string | undefined
  private failure: Error | undefined
  private closing = false

  constructor(
    private readonly worker: Worker,
    private newest: bigint,
  ) {
    this.forgotten = newest
    worker.on('message', ({ results, fatal }: Outcome) => {
      // Before the word on its own appends gets out: whoever then appends again must not be in doubt about that.
      if (fatal !== undefined) this.fail(new Error(fatal))
      this.settle(results)
    })
    worker.on('error', (error) => this.end(error))
    this.ended = new Promise((resolve) => {
      worker.on('exit', () => {
        this.end(undefined)
        resolve()
      })
    })
  }

  append(
    stream: string,
    expected: ExpectedRevision,
    events: readonly SealedEvent[],
    bytes: number,
  ): Promise<Appended> {
    const refusal =
      this.refusal ??
      (this.waitingBytes + bytes > EMBEDDED_LIMITS.waitingBytes ? 'too many appends wait' : undefined)
    if (refusal) return Promise.reject(new LogUnavailable(`nothing was written: ${refusal}`))
    return new Promise((resolve, reject) => {
      const call = ++this.calls
      this.waiting.set(call, { stream, expected, events, bytes, resolve, reject })
      this.waitingBytes += bytes
      // One message a turn: sending costs as much for one append as for all that a turn brought.
      if (this.unsent.push({ call, stream, expected: asNumber(expected), events, bytes }) === 1)
        setImmediate(() => this.send())
    })
  }

  /** Nobody else writes, so what was not written lately is known not to have been. */
  mayGoPast(stream: string, position: bigint): boolean {
    return position < (this.ends.get(stream) ?? this.forgotten)
  }

  /**
   * Resolves when the log has events past `position`, at once when it has them already; false when it will get no
   * more: aborted or closed.
   * @throws LogUnavailable the thread died
   */
  async beyond(position: bigint, signal: AbortSignal): Promise<boolean> {
    for (;;) {
      if (signal.aborted || this.closing) return false
      if (this.failure) throw new LogUnavailable(this.refusal, { cause: this.failure })
      if (this.newest > position) return true
      await this.woken(signal)
    }
  }

  /** Waits for the appends under way; later ones are refused. */
  close(): Promise<void> {
    if (!this.closing) {
      this.closing = true
      this.refusal ??= 'the log is closed'
      this.send()
      this.worker.postMessage({ type: 'close' } satisfies Request)
      this.wake()
    }
    return this.ended
  }

  private send(): void {
    if (this.unsent.length === 0) return
    this.worker.postMessage({ type: 'append', appends: this.unsent } satisfies Request)
    this.unsent = []
  }

  private settle(results: readonly Settled[]): void {
    for (const result of results) {
      const append = this.waiting.get(result.call)
      if (!append) continue
      this.waiting.delete(result.call)
      this.waitingBytes -= append.bytes
      if ('failed' in result)
        append.reject(
          result.inDoubt
            ? new LogInDoubt(`whether it was written is unknown: ${result.failed}`)
            : new LogUnavailable(`nothing was written: ${result.failed}`),
        )
      else if ('conflict' in result)
        append.reject(new LogConflict(append.stream, append.expected, asRevision(result.conflict)))
      else {
        const position = BigInt(result.position)
        const revision = BigInt(result.revision)
        if (position > this.newest) this.written(append, revision, position)
        append.resolve({ revision, position })
      }
    }
    this.wake()
  }

  /** The events of an append stand next to each other; one that was written before is not past the newest. */
  private written({ stream, events }: Waiting, revision: bigint, position: bigint): void {
    this.newest = position
    this.remember(stream, position)
    const before = BigInt(events.length) - 1n
    this.recent.add(
      events.map((event, i) => ({
        ...event,
        stream,
        revision: revision - before + BigInt(i),
        position: position - before + BigInt(i),
      })),
    )
  }

  private remember(stream: string, position: bigint): void {
    this.ends.delete(stream)
    this.ends.set(stream, position)
    if (this.ends.size <= EMBEDDED_LIMITS.recentStreams) return
    const [oldest, at] = this.ends.entries().next().value as [string, bigint]
    this.ends.delete(oldest)
    if (at > this.forgotten) this.forgotten = at
  }

  /** The thread is gone. What it had been given may be written or not. */
  private end(error: Error | undefined): void {
    if (!this.closing) this.fail(error ?? new Error('it ended unasked'))
    for (const { reject } of this.waiting.values())
      reject(new LogInDoubt(`whether it was written is unknown: ${this.refusal}`, { cause: this.failure }))
    this.waiting.clear()
    this.waitingBytes = 0
    this.wake()
  }

  private fail(error: Error): void {
    this.failure ??= error
    this.refusal ??= `the writer of the event log failed: ${messageOf(this.failure)}`
  }

  private woken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake)
        this.wakers.delete(wake)
        resolve()
      }
      signal.addEventListener('abort', wake)
      this.wakers.add(wake)
    })
  }

  private wake(): void {
    for (const wake of [...this.wakers]) wake()
  }
}

const asNumber = (expected: ExpectedRevision): number => (expected === 'no_stream' ? -1 : Number(expected))

const asRevision = (revision: number): ExpectedRevision => (revision < 0 ? 'no_stream' : BigInt(revision))

const messageOf = (reason: unknown): string => (reason instanceof Error ? reason.message : String(reason))
