// The signed checkpoints of a log against the log: at the position that each covers up to, the rolling hash and the
// count must be what was signed, by a key that is trusted. The checkpoints are read ahead, from their own stream, beside
// the pass over the whole log; they stand in the order of what they cover. From one that does not hold the pass goes on
// with what was signed, so that the next one is judged by the events between the two.
import type { KeyObject } from 'node:crypto'
import {
  type Checkpoint,
  fingerprintOf,
  isSignedBy,
  ledgerStream,
  ROLLING_START,
  type Rolling,
  readCheckpoint,
  rollOn,
} from '@assistant-ledger/assistant'
import type { LogForReading, RecordedEvent } from '@assistant-ledger/event-log'
import { counted, type Findings } from './findings.js'

/** A checkpoint and the event that it is in. */
interface Signed {
  readonly checkpoint: Checkpoint
  readonly revision: number
  readonly position: bigint
}

export class CheckpointCheck {
  /** Checkpoints that were held against the log. */
  checked = 0
  /** Events that none of them covers, as far as the log was read. */
  uncovered = 0
  /** When the oldest and the newest of these were written, in milliseconds since 1970. */
  private uncoveredFrom_ms = Number.POSITIVE_INFINITY
  private uncoveredTo_ms = Number.NEGATIVE_INFINITY
  private rolling: Rolling = ROLLING_START
  private next: Signed | undefined
  private ahead: AsyncIterator<RecordedEvent> | undefined
  private revision = 0n
  private covered = 0n
  private logId: string | undefined
  private readonly keys: ReadonlyMap<string, KeyObject>
  private readonly strangers = new Map<string, number>()
  private readonly stream: string

  constructor(
    private readonly log: LogForReading,
    trusted: readonly KeyObject[],
    private readonly findings: Findings,
  ) {
    this.keys = new Map(trusted.map((key) => [fingerprintOf(key), key]))
    this.stream = ledgerStream(log.project)
  }

  /** Before a stretch of the log that is there already: all checkpoints in it are then found ahead of it. */
  async begin(): Promise<void> {
    if (this.next === undefined) await this.advance()
  }

  /** Takes the log's next event of the project. */
  async take(event: RecordedEvent): Promise<void> {
    while (this.next && BigInt(this.next.checkpoint.position) < event.position) await this.judge(this.next)
    this.rolling = rollOn(this.rolling, event)
    if (event.type === 'CheckpointSigned') return
    this.uncovered += 1
    const at_ms = Date.parse((event.metadata as { at?: string } | null)?.at ?? '')
    if (Number.isNaN(at_ms)) return
    this.uncoveredFrom_ms = Math.min(this.uncoveredFrom_ms, at_ms)
    this.uncoveredTo_ms = Math.max(this.uncoveredTo_ms, at_ms)
  }

  /** Over how long a time the events were written that none covers. */
  get uncoveredFor_ms(): number {
    return Math.max(0, this.uncoveredTo_ms - this.uncoveredFrom_ms)
  }

  /** After a stretch: what covers all that was read is judged, when it is in what was read itself. */
  async end(position: bigint): Promise<void> {
    while (this.next && this.next.position <= position) await this.judge(this.next)
  }

  /** Tells of the keys that nobody has said to trust. */
  tellStrangers(): void {
    for (const [key, count] of this.strangers)
      this.findings.add(
        'checkpoints',
        { stream: this.stream },
        `${counted(count, 'checkpoint')} signed by the key ${key}, which is not among those to be trusted`,
      )
    this.strangers.clear()
  }

  private async judge({ checkpoint, revision, position }: Signed): Promise<void> {
    const { rolling, findings, stream } = this
    const place = { stream, revision, position: checkpoint.position }
    const covers = BigInt(checkpoint.position)
    this.checked += 1
    if (checkpoint.log_id !== this.logId)
      findings.add('checkpoints', place, `it is of the log ${checkpoint.log_id}, which is another one`)
    else if (covers <= this.covered && this.checked > 1)
      findings.add('checkpoints', place, 'it does not cover more than the one before it')
    else if (covers >= position) findings.add('checkpoints', place, 'it covers itself, or what came after it')
    else if (rolling.hash !== checkpoint.hash || rolling.count !== checkpoint.count)
      findings.add('checkpoints', place, this.broken(checkpoint))
    this.checkSignature(checkpoint, place)
    this.rolling = { position: covers, count: checkpoint.count, hash: checkpoint.hash }
    this.covered = covers
    this.uncovered = 0
    this.uncoveredFrom_ms = Number.POSITIVE_INFINITY
    this.uncoveredTo_ms = Number.NEGATIVE_INFINITY
    await this.advance()
  }

  private broken({ count, position }: Checkpoint): string {
    const { rolling, covered } = this
    const after = covered === 0n ? 'the beginning' : `position ${covered}`
    const between = `the log between ${after} and position ${position} is not the one that was signed`
    const more = rolling.count - count
    if (more < 0) return `${between}: ${counted(-more, 'event')} less`
    if (more > 0) return `${between}: ${counted(more, 'event')} more`
    return `${between}: events were altered or changed places`
  }

  private checkSignature(checkpoint: Checkpoint, place: { stream: string; revision: number }): void {
    const key = this.keys.get(checkpoint.key)
    if (!key) this.strangers.set(checkpoint.key, (this.strangers.get(checkpoint.key) ?? 0) + 1)
    else if (!isSignedBy(checkpoint, key))
      this.findings.add('checkpoints', place, `the key ${checkpoint.key} did not sign it`)
  }

  /** On to the next one of the stream; undefined when there is none as yet. */
  private async advance(): Promise<void> {
    this.next = undefined
    for (;;) {
      this.ahead ??= this.log.readStream(this.stream, { from: this.revision })[Symbol.asyncIterator]()
      const { value: event, done } = await this.ahead.next()
      if (done) {
        // Asked again where it ended, at the next stretch: the service may have signed more by then.
        this.ahead = undefined
        return
      }
      this.revision = event.revision + 1n
      if (event.type === 'LedgerOpened') this.logId ??= (event.data as { log_id?: string } | null)?.log_id
      if (event.type !== 'CheckpointSigned') continue
      const checkpoint = readCheckpoint(event.data)
      const revision = Number(event.revision)
      if (checkpoint) this.next = { checkpoint, revision, position: event.position }
      else
        this.findings.add(
          'checkpoints',
          { stream: this.stream, revision },
          'it is no checkpoint that can be read',
        )
      if (checkpoint) return
    }
  }
}
