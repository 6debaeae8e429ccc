// What is known of each stream while a log is read: where it ends, and for an assistant what may come next. A million
// streams take some hundred megabytes as objects; here each has 80 bytes in chunks that never move, and an index.
import { hash } from 'node:crypto'

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

const KEY = 16
const HASH_AT = KEY
const REVISION_AT = HASH_AT + 32
const AT_AT = REVISION_AT + 8
const GENERATION_AT = AT_AT + 8
const HIGHEST_AT = GENERATION_AT + 4
const LIVE_AT = HIGHEST_AT + 4
const ENTRY = LIVE_AT + 4 + 4
const CHUNK_ENTRIES = 8192
const FIRST_SLOTS = 16_384

export class StreamTable {
  private readonly chunks: Buffer[] = []
  /** Entry numbers, from 1; 0 is free. */
  private index = new Int32Array(FIRST_SLOTS)
  private used = 0

  get size(): number {
    return this.used
  }

  /** The entry of a stream; undefined before its first event. */
  find(stream: string): StreamEnd | undefined {
    const key = keyOf(stream)
    const number = this.index[this.slotOf(key)] as number
    if (number === 0) return undefined
    const [chunk, at] = this.placeOf(number)
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
    const key = keyOf(stream)
    let slot = this.slotOf(key)
    if (this.index[slot] === 0) {
      if (this.used >= this.index.length / 2) {
        this.grow()
        slot = this.slotOf(key)
      }
      this.index[slot] = this.add(key)
    }
    const [chunk, at] = this.placeOf(this.index[slot] as number)
    chunk.write(end.hash, at + HASH_AT, 32, 'hex')
    chunk.writeDoubleLE(end.revision, at + REVISION_AT)
    chunk.writeDoubleLE(end.at_us ?? 0, at + AT_AT)
    // What does not fit was altered, and is told of as the event that has it.
    chunk.writeUInt32LE((end.generation ?? 0) >>> 0, at + GENERATION_AT)
    chunk.writeUInt32LE((end.highest ?? 0) >>> 0, at + HIGHEST_AT)
    chunk.writeUInt32LE((end.live ?? 0) >>> 0, at + LIVE_AT)
  }

  private add(key: Buffer): number {
    if (this.used % CHUNK_ENTRIES === 0) this.chunks.push(Buffer.alloc(CHUNK_ENTRIES * ENTRY))
    this.used += 1
    const [chunk, at] = this.placeOf(this.used)
    key.copy(chunk, at, 0, KEY)
    return this.used
  }

  private placeOf(number: number): readonly [Buffer, number] {
    const entry = number - 1
    return [this.chunks[Math.floor(entry / CHUNK_ENTRIES)] as Buffer, (entry % CHUNK_ENTRIES) * ENTRY]
  }

  /** Where the entry of a key is, or the free slot that it would take. */
  private slotOf(key: Buffer): number {
    const slots = this.index.length
    let slot = key.readUInt32LE(0) % slots
    for (;;) {
      const number = this.index[slot] as number
      if (number === 0) return slot
      const [chunk, at] = this.placeOf(number)
      if (key.compare(chunk, at, at + KEY, 0, KEY) === 0) return slot
      slot = (slot + 1) % slots
    }
  }

  private grow(): void {
    this.index = new Int32Array(this.index.length * 2)
    for (let number = 1; number <= this.used; number++) {
      const [chunk, at] = this.placeOf(number)
      this.index[this.slotOf(chunk.subarray(at, at + KEY))] = number
    }
  }
}

/** 16 bytes of the SHA-256 of its name: no two streams of any log have the same. */
const keyOf = (stream: string): Buffer => hash('sha256', stream, 'buffer')
