// The newest signed checkpoint that this client was told of, kept on disk: a witness that nobody can alter from where the
// log is. A log that was rewritten, or lost its end, does not agree with it, and it goes by no later word of the same
// length. Nothing is refused to a run because of it: what is wrong is said, and `assistants verify --runners` compares.
import type { Emitter } from './emitter.js'
import type { FollowEvents } from './events.js'
import { isObject, type JsonObject, type JsonValue } from './value.js'

/** As on the wire, but for the names. */
export interface Checkpoint {
  readonly logId: string
  readonly epoch: number
  readonly position: bigint
  /** Events of the project that it covers. */
  readonly count: number
  /** The rolling hash over them. */
  readonly hash: string
  /** The fingerprint of the key that signed it. */
  readonly key: string
  readonly signature: string
}

/** What a checkpoint that is told is to the one that is kept. */
export type CheckpointVerdict = 'newer' | 'same' | 'older' | 'contradiction'

/** Logs have no order between them: one of another log than the kept is news, since only that log is followed now. */
export function judgeCheckpoint(kept: Checkpoint | undefined, told: Checkpoint): CheckpointVerdict {
  if (kept === undefined || kept.logId !== told.logId || told.epoch > kept.epoch) return 'newer'
  if (told.epoch < kept.epoch || told.position < kept.position) return 'older'
  // Each event counts, so that a longer log has more of them.
  if (told.position > kept.position) return told.count > kept.count ? 'newer' : 'contradiction'
  return told.hash === kept.hash && told.count === kept.count ? 'same' : 'contradiction'
}

/** Two words on one log that cannot both be true. */
export interface CheckpointContradiction {
  readonly kept: Checkpoint
  readonly told: Checkpoint
}

export class Checkpoints {
  #newest: Checkpoint | undefined
  #contradiction: CheckpointContradiction | undefined
  readonly #events: Emitter<FollowEvents>
  readonly #keep: (checkpoint: Checkpoint) => void

  /** @param keep puts one on disk */
  constructor(events: Emitter<FollowEvents>, keep: (checkpoint: Checkpoint) => void) {
    this.#events = events
    this.#keep = keep
  }

  get newest(): Checkpoint | undefined {
    return this.#newest
  }

  /** The last one since the start; it stays, whatever comes later. */
  get contradiction(): CheckpointContradiction | undefined {
    return this.#contradiction
  }

  /** What was on disk at the start. */
  restore(checkpoint: Checkpoint): void {
    this.#newest = checkpoint
  }

  /** A watermark of the followed log told of it. */
  offer(told: Checkpoint): void {
    const kept = this.#newest
    const verdict = judgeCheckpoint(kept, told)
    if (verdict === 'newer') {
      this.#newest = told
      this.#keep(told)
    }
    if (verdict === 'contradiction' && kept) this.#contradict({ kept, told })
  }

  #contradict(found: CheckpointContradiction): void {
    const before = this.#contradiction?.told
    this.#contradiction = found
    // A watermark says it again every two seconds.
    if (before?.hash === found.told.hash && before.position === found.told.position) return
    this.#events.emit('checkpoint', found)
    const { kept, told } = found
    process.emitWarning(
      `assistants: the log was rewritten or cut off: at position ${told.position} it is said to have ${told.count} events and the hash ${told.hash}, but position ${kept.position} was signed with ${kept.count} events and the hash ${kept.hash}`,
    )
  }
}

const HASH = /^[0-9a-f]{64}$/
const POSITION = /^\d{1,20}$/
const SIGNATURE = /^[\w-]{86}$/

/** Undefined when there is none, or none that can be used. */
export function readCheckpoint(raw: JsonValue | undefined): Checkpoint | undefined {
  if (!isObject(raw)) return undefined
  const { log_id: logId, epoch, position, count, hash, key, signature } = raw
  if (typeof logId !== 'string' || logId === '' || !isCount(epoch) || !isCount(count)) return undefined
  if (!isText(position, POSITION) || !isText(hash, HASH) || !isText(key, HASH)) return undefined
  if (!isText(signature, SIGNATURE)) return undefined
  return { logId, epoch, position: BigInt(position), count, hash, key, signature }
}

/** As it is on the wire. */
export const writtenCheckpoint = ({ logId, position, ...rest }: Checkpoint): JsonObject => ({
  log_id: logId,
  position: String(position),
  ...rest,
})

const isText = (value: JsonValue | undefined, form: RegExp): value is string =>
  typeof value === 'string' && form.test(value)

const isCount = (value: JsonValue | undefined): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
