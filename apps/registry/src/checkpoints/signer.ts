// Signs what the log is: whoever leads the publication follows the whole log with a rolling hash, and appends a
// checkpoint every so many events, or soon after the first one that none covers. What it goes on from is the newest
// checkpoint in the log, never what a process remembers. It is in nobody's way: what fails here is said, and tried again.
import { randomBytes, randomUUID } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import {
  type Checkpoint,
  commandHashOf,
  type Head,
  isOfProject,
  type Ledger,
  ledgerStream,
  ROLLING_START,
  type Rolling,
  rollOn,
  sealLedgerEvent,
  signCheckpoint,
  streamPrefixes,
  timestamp,
} from '@assistant-ledger/assistant'
import { type EventLog, LogConflict, type RecordedEvent } from '@assistant-ledger/event-log'
import { appendSurely } from '../commands/append.js'
import { LIMITS } from '../limits.js'
import { warn } from '../lines.js'
import type { SigningKey } from './key.js'
import { entryOf, lastCheckpoint, readLedger } from './stream.js'

/** How often. */
export interface Pace {
  /** Events after which there is a checkpoint at once, while the signer follows closely. */
  readonly events: number
  /** Milliseconds that the first event which none covers waits for one. */
  readonly quiet_ms: number
}

const PACE: Pace = { events: LIMITS.checkpointEvents, quiet_ms: LIMITS.checkpointQuiet_ms }

export class CheckpointSigner {
  /** The newest checkpoint of the log, as far as this replica has read it while it led. */
  private newest: Checkpoint | undefined
  private rolling: Rolling = ROLLING_START
  private ledger: Ledger | undefined
  private head: Head
  /** Events that no checkpoint covers, and the position of the last that asks for one. */
  private uncovered = 0
  private lastCounted = 0n
  private isLive = false
  private signing: Promise<void> | undefined
  private timer: NodeJS.Timeout | undefined
  private troubled = false

  constructor(
    private readonly log: EventLog,
    private readonly project: string,
    /** Undefined: this replica tells what others have signed, and signs nothing. */
    readonly key: SigningKey | undefined,
    private readonly pace = PACE,
  ) {}

  /** What watermarks carry. */
  get last(): Checkpoint | undefined {
    return this.newest
  }

  /** Whether it has read all that there was, and follows what comes. */
  get isFollowing(): boolean {
    return this.isLive
  }

  /**
   * Signs until the signal.
   * @throws LogUnavailable the log cannot be read
   */
  async lead(signal: AbortSignal): Promise<void> {
    await this.resume()
    const isOurs = isOfProject(this.project)
    const stopped = () => clearTimeout(this.timer)
    signal.addEventListener('abort', stopped)
    try {
      let read = 0
      const after = this.rolling.position
      for await (const followed of this.log.follow({
        after,
        prefixes: streamPrefixes(this.project),
        signal,
      })) {
        if (followed.type === 'caught-up') this.isLive = true
        else if (isOurs(followed.event.stream)) this.take(followed.event, signal)
        // An older log is read whole once: requests are answered in between.
        if (++read % LIMITS.checkpointReadAhead === 0) await turn()
      }
    } finally {
      signal.removeEventListener('abort', stopped)
      stopped()
      await this.signing
    }
  }

  /** Goes on from the log's newest checkpoint: another replica may have signed since this one last led. */
  private async resume(): Promise<void> {
    const { ledger, head } = await readLedger(this.log, this.project)
    const found = await lastCheckpoint(this.log, this.project)
    this.ledger = ledger
    this.head = head
    this.newest = found
    this.rolling = found
      ? { position: BigInt(found.position), count: found.count, hash: found.hash }
      : ROLLING_START
    this.uncovered = 0
    this.lastCounted = this.rolling.position
    this.isLive = false
  }

  private take(event: RecordedEvent, signal: AbortSignal): void {
    this.rolling = rollOn(this.rolling, event)
    if (event.stream === ledgerStream(this.project)) {
      const { head, checkpoint, evolve } = entryOf(event)
      if (!this.head || head.revision > this.head.revision) this.head = head
      this.ledger = evolve(this.ledger)
      // One for checkpoints alone would be followed by another, for ever.
      if (checkpoint) {
        this.note(checkpoint)
        return
      }
    }
    this.uncovered += 1
    this.lastCounted = event.position
    if (this.isLive && this.uncovered >= this.pace.events) this.sign(signal)
    else this.arm(this.pace.quiet_ms, signal)
  }

  private note(checkpoint: Checkpoint): void {
    const position = BigInt(checkpoint.position)
    if (this.newest && position < BigInt(this.newest.position)) return
    this.newest = checkpoint
    if (position < this.lastCounted) return
    this.uncovered = 0
    clearTimeout(this.timer)
    this.timer = undefined
  }

  private arm(after_ms: number, signal: AbortSignal): void {
    if (this.timer || this.signing || signal.aborted || !this.key) return
    this.timer = setTimeout(() => this.sign(signal), after_ms)
  }

  private sign(signal: AbortSignal): void {
    if (this.signing || signal.aborted || !this.key) return
    clearTimeout(this.timer)
    this.timer = undefined
    let again_ms = this.pace.quiet_ms
    this.signing = this.append(this.key)
      .then(() => {
        this.troubled = false
      })
      .catch((error) => {
        again_ms = LIMITS.checkpointRetry_ms
        if (!this.troubled)
          warn(`no checkpoint was signed, which is tried again: ${(error as Error).message}`)
        this.troubled = true
      })
      .finally(() => {
        this.signing = undefined
        if (this.uncovered > 0) this.arm(again_ms, signal)
      })
  }

  /** The revision is explicit: of two that both think that they lead, the second finds out. */
  private async append({ key }: SigningKey): Promise<void> {
    const { ledger, head, rolling, uncovered, project } = this
    // What it has not read yet another replica may have signed; each covers more than the one before it.
    const isBehind = this.newest !== undefined && rolling.position <= BigInt(this.newest.position)
    if (!ledger || !head || isBehind) return
    const checkpoint = signCheckpoint(rolling, { log_id: ledger.logId, epoch: ledger.epoch }, key)
    const stream = ledgerStream(project)
    const data = { ...checkpoint, salt: randomBytes(16).toString('base64url') }
    const sealed = sealLedgerEvent({ type: 'CheckpointSigned', data }, head, {
      stream,
      now: timestamp(Date.now()),
      commandId: randomUUID(),
      commandHash: commandHashOf({ verb: 'CheckpointSigned', assistant_id: undefined, request: {} }),
    })
    try {
      const { revision } = await appendSurely(this.log, stream, head.revision, [sealed])
      const { hash, at } = sealed.metadata
      if (this.head && this.head.revision < revision) this.head = { revision, hash, at }
      this.newest = checkpoint
      this.uncovered = Math.max(0, this.uncovered - uncovered)
    } catch (error) {
      if (!(error instanceof LogConflict)) throw error
      // Whoever was first may have covered all of it; what is left is signed in its turn.
      const now = await readLedger(this.log, project)
      this.head = now.head
      this.ledger = now.ledger ?? this.ledger
      const found = await lastCheckpoint(this.log, project)
      if (found) this.note(found)
    }
  }
}
