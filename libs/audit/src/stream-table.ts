// What is known of each stream while a log is read: where it ends, and for an assistant what may come next. A million
// streams take 80 MiB.
import { DigestTable } from './digest-table.js'

/** Where a stream ends. */
export interface StreamHead {
  readonly revision: number
  /** Lower-case hex, 64 digits. */
  readonly hash: string
}

/** A stream after its newest event that was read. */
export interface StreamEnd extends StreamHead {
  /** Microseconds. */
  readonly at_us: number
  readonly generation: number
  /** Versions 1 to this exist; 0 when the assistant does not live. */
  readonly highest: number
  /** What `live` points to; 0 when it points nowhere. */
  readonly live: number
}

const HASH_AT = 0
const REVISION_AT = HASH_AT + 32
const AT_AT = REVISION_AT + 8
const GENERATION_AT = AT_AT + 8
const HIGHEST_AT = GENERATION_AT + 4
const LIVE_AT = HIGHEST_AT + 4
const BYTES = LIVE_AT + 4

export class StreamTable {
  private readonly table = new DigestTable(BYTES)

  get size(): number {
    return this.table.size
  }

  /** The entry of a stream; undefined before its first event. */
  find(stream: string): StreamEnd | undefined {
    const entry = this.table.find(stream)
    if (!entry) return undefined
    const [chunk, at] = entry
    return {
      hash: chunk.toString('hex', at + HASH_AT, at + REVISION_AT),
      revision: chunk.readDoubleLE(at + REVISION_AT),
      at_us: chunk.readDoubleLE(at + AT_AT),
      generation: chunk.readUInt32LE(at + GENERATION_AT),
      highest: chunk.readUInt32LE(at + HIGHEST_AT),
      live: chunk.readUInt32LE(at + LIVE_AT),
    }
  }

  /** What is left out is 0: whoever follows the chain alone asks for revision and hash. */
  set(stream: string, end: StreamHead & Partial<StreamEnd>): void {
    const [chunk, at] = this.table.place(stream)
    chunk.write(end.hash, at + HASH_AT, 32, 'hex')
    chunk.writeDoubleLE(end.revision, at + REVISION_AT)
    chunk.writeDoubleLE(end.at_us ?? 0, at + AT_AT)
    // What does not fit was altered, and is told of as the event that has it.
    chunk.writeUInt32LE((end.generation ?? 0) >>> 0, at + GENERATION_AT)
    chunk.writeUInt32LE((end.highest ?? 0) >>> 0, at + HIGHEST_AT)
    chunk.writeUInt32LE((end.live ?? 0) >>> 0, at + LIVE_AT)
  }
}
