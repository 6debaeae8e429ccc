// One pass over the log, in stretches: every event is held against its stream and the checkpoints, and projected into a
// read model of its own, which is what the service's is then compared with. It never goes back, and stops where it is
// told to, so that everything can be compared at one position while the service goes on writing.
import { assistantStream, isOfProject } from '@assistant-ledger/assistant'
import type { EventText, LogForReading, RecordedEvent } from '@assistant-ledger/event-log'
import type { ReadModel } from '@assistant-ledger/read-model'
import { Chains } from './chains.js'
import { CheckpointCheck } from './checkpoints.js'
import type { Findings } from './findings.js'

/** Events that are projected at a time: the more, the longer each is kept in memory. */
const BATCH_EVENTS = 128

export interface PassOptions {
  readonly log: LogForReading
  /** Projected into, when anything is compared with what it holds. */
  readonly model: ReadModel | undefined
  readonly checkpoints: CheckpointCheck
  readonly findings: Findings
  /** Milliseconds since 1970: events before it need not be in the feed any more. */
  readonly keptSince_ms: number
  readonly signal: AbortSignal
  onProgress(events: number, position: bigint): void
}

export class Pass {
  /** Everything up to here was read. */
  position = 0n
  /** Events of the project that were read. */
  events = 0
  /** Just before the first assistants' event that has to be in the feed; undefined: there is none. */
  feedFrom: bigint | undefined
  /** When the first event was written, in milliseconds since 1970. */
  firstAt_ms = 0
  /** Why what was read cannot be projected any further. */
  failure: string | undefined
  private readonly chains = new Chains()
  private batch: RecordedEvent[] = []
  /** Streams of which an event is missing or out of order: what comes after it is nothing. */
  private readonly broken = new Set<string>()

  constructor(private readonly options: PassOptions) {}

  /** Reads on, through this position, which the log has reached already. */
  async through(position: bigint): Promise<void> {
    if (position <= this.position) return
    const { log, checkpoints, signal, onProgress } = this.options
    const wanted = isOfProject(log.project)
    await checkpoints.begin()
    for await (const page of log.pages({ after: this.position, through: position, wanted, signal })) {
      for (const row of page) await this.take(row)
      onProgress(this.events, this.position)
    }
    await checkpoints.end(position)
    this.position = position
    await this.apply()
  }

  /** Reads on to where the log ends by now. */
  async toEnd(): Promise<void> {
    await this.through(await this.options.log.head())
  }

  private async take(row: EventText): Promise<void> {
    const { findings, checkpoints, model, log, keptSince_ms } = this.options
    const event = { ...row, data: parsed(row.data), metadata: parsed(row.metadata) }
    const { stream, position } = event
    this.events += 1
    if (this.events === 1) this.firstAt_ms = timeOf(event)
    this.position = position
    const place = { stream, revision: Number(event.revision), position: String(position) }
    const { placed, faults } = this.chains.take(event)
    for (const what of faults) findings.add('log', place, what)
    if (!placed) this.broken.add(stream)
    await checkpoints.take(event)
    if (this.feedFrom === undefined && stream.startsWith(assistantStream(log.project, '')))
      if (timeOf(event) >= keptSince_ms) this.feedFrom = position - 1n
    if (!model || this.failure !== undefined || this.broken.has(stream)) return
    this.batch.push(event)
    if (this.batch.length >= BATCH_EVENTS) await this.apply()
  }

  private async apply(): Promise<void> {
    const events = this.batch
    this.batch = []
    if (!this.options.model || this.failure !== undefined) return
    try {
      await this.options.model.apply(events, this.position)
    } catch (error) {
      if (isOfDisk(error)) throw new NoRoom((error as Error).message, { cause: error })
      this.failure = (error as Error).message
    }
  }
}

/** The projection of its own could not be written: no fault of the log. */
export class NoRoom extends Error {
  override readonly name = 'NoRoom'
}

/** A log that cannot be folded breaks a constraint at most; anything else that SQLite says is of the file. */
function isOfDisk(error: unknown): boolean {
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown }
  return name === 'SqliteError' && !String(code).startsWith('SQLITE_CONSTRAINT')
}

/** What is not JSON stays the text that it is: its seal does not fit then. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** When it was written, in milliseconds; what cannot be read is long ago. */
export const timeOf = ({ metadata }: { readonly metadata: unknown }): number =>
  Date.parse((metadata as { at?: string } | null)?.at ?? '') || 0
