// A hash table for millions of names: of each its digest and a few bytes of the owner's, in chunks that never move, and an
// index. As objects they would take three times that.
import { hash } from 'node:crypto'

const KEY = 16
const CHUNK_ENTRIES = 8192
const FIRST_SLOTS = 16_384

/** Where the bytes of a name are. */
export type Entry = readonly [chunk: Buffer, at: number]

export class DigestTable {
  private readonly chunks: Buffer[] = []
  private readonly entry: number
  /** Entry numbers, from 1; 0 is free. */
  private index = new Int32Array(FIRST_SLOTS)
  private used = 0

  /** @param bytes that belong to each name */
  constructor(bytes: number) {
    this.entry = KEY + bytes
  }

  get size(): number {
    return this.used
  }

  find(name: string): Entry | undefined {
    const number = this.index[this.slotOf(digestOf(name))] as number
    return number === 0 ? undefined : this.valueOf(number)
  }

  /** Those of the name, all 0 when it is new. */
  place(name: string): Entry {
    const key = digestOf(name)
    let slot = this.slotOf(key)
    if (this.index[slot] === 0) {
      if (this.used >= this.index.length / 2) {
        this.grow()
        slot = this.slotOf(key)
      }
      this.index[slot] = this.add(key)
    }
    return this.valueOf(this.index[slot] as number)
  }

  private add(key: Buffer): number {
    if (this.used % CHUNK_ENTRIES === 0) this.chunks.push(Buffer.alloc(CHUNK_ENTRIES * this.entry))
    this.used += 1
    const [chunk, at] = this.placeOf(this.used)
    key.copy(chunk, at, 0, KEY)
    return this.used
  }

  private valueOf(number: number): Entry {
    const [chunk, at] = this.placeOf(number)
    return [chunk, at + KEY]
  }

  private placeOf(number: number): Entry {
    const before = number - 1
    return [this.chunks[Math.floor(before / CHUNK_ENTRIES)] as Buffer, (before % CHUNK_ENTRIES) * this.entry]
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

/** 16 bytes of the SHA-256 of a name: no two names of any log have the same. */
const digestOf = (name: string): Buffer => hash('sha256', name, 'buffer')
