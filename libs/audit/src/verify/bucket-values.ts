// The values of the bucket as far as they are judged by themselves: their order, what a digest adds for them, and the
// tombstone of a key that the log does not know.
import { type Checkpoint, type Ledger, readCheckpoint } from '@assistant-ledger/assistant'
import { digestPart, UNKNOWN_REVISION } from '@assistant-ledger/change-feed'
import type { Place } from './findings.js'

/** What does not agree as yet. */
export interface Doubt {
  readonly what: string
  readonly place: Place
}

/** Of a value or a watermark, whatever is in it. */
export interface Entry {
  readonly log_id: string
  readonly epoch: number
  readonly revision: number
  readonly state: string | undefined
  readonly generation: number | undefined
  readonly count: number | undefined
  readonly digest: string | undefined
  /** Of a watermark; null when it is none that can be read. */
  readonly checkpoint: Checkpoint | undefined | null
}

/** What cannot be read counts as the publisher counts it: older than anything. */
export function readEntry(body: string): Entry {
  let read: Partial<Entry> | null = null
  try {
    read = JSON.parse(body)
  } catch {
    // As when it is empty.
  }
  const integer = (value: unknown, otherwise: number) =>
    Number.isSafeInteger(value) && (value as number) >= UNKNOWN_REVISION ? (value as number) : otherwise
  return {
    log_id: typeof read?.log_id === 'string' ? read.log_id : '',
    epoch: integer(read?.epoch, -1),
    revision: integer(read?.revision, UNKNOWN_REVISION),
    state: read?.state,
    generation: read?.generation,
    count: read?.count,
    digest: read?.digest,
    checkpoint: read?.checkpoint === undefined ? undefined : (readCheckpoint(read.checkpoint) ?? null),
  }
}

/** Why a key that the log does not know may not be as it is: it has to be buried in this epoch. */
export function tombstoneFault(
  { log_id, epoch, state, generation }: Entry,
  ledger: Ledger,
): string | undefined {
  if (state !== 'deleted' || generation !== 0) return 'it is there, and the log knows no such key'
  if (log_id !== ledger.logId || epoch !== ledger.epoch)
    return `it is buried in log ${log_id}, epoch ${epoch}, and the log is in epoch ${ledger.epoch}`
  return undefined
}

/** A watermark's count and digest. */
export class DigestOf {
  count = 0
  private readonly sum = Buffer.alloc(32)

  get hex(): string {
    return this.sum.toString('hex')
  }

  add(key: string, { log_id: logId, epoch, revision }: Entry): void {
    this.count += 1
    const part = digestPart(key, { logId, epoch, revision })
    for (let i = 0; i < this.sum.length; i++) this.sum[i] = (this.sum[i] as number) ^ (part[i] as number)
  }
}
