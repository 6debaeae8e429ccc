// The hashes of the wire: a content, a watermark's digest and a presence's. What is received is checked against them
// before anything is swapped, and the same bytes give the same hash in any language (docs/wire.md).
import { createHash } from 'node:crypto'
import { configure } from 'safe-stable-stringify'
import type { Content } from './value.js'

export const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex')

const stringify = configure({ strict: true })

/** RFC 8785. */
export function canonical(value: unknown): string {
  const text = stringify(value)
  if (text === undefined) throw new TypeError('undefined has no JSON text')
  return text
}

/** SHA-256, hex, of the canonical JSON of the content's six fields, all present. */
export function contentHash(content: Content): string {
  const { graph_id, name, description, config, context, metadata } = content
  return sha256(canonical({ graph_id, name, description, config, context, metadata }))
}

const NOTHING = Buffer.alloc(32)

/** XOR of the SHA-256 of `<key> <what is said of it>` over keys: independent of order, changed key by key. */
export class Digest {
  readonly #entries = new Map<string, string>()
  readonly #sum = Buffer.from(NOTHING)

  get count(): number {
    return this.#entries.size
  }

  get hex(): string {
    return this.#sum.toString('hex')
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  set(key: string, ...said: readonly (string | number)[]): void {
    const entry = `${key} ${said.join(' ')}`
    const before = this.#entries.get(key)
    if (before === entry) return
    if (before !== undefined) this.#toggle(before)
    this.#toggle(entry)
    this.#entries.set(key, entry)
  }

  #toggle(entry: string): void {
    const hash = createHash('sha256').update(entry, 'utf8').digest()
    for (let i = 0; i < hash.length; i++) this.#sum[i] = (this.#sum[i] ?? 0) ^ (hash[i] ?? 0)
  }
}
