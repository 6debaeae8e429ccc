// What an auth module's authenticate() returned, used again for a while for requests with the same headers (`auth.cache`
// of langgraph.json). Only who asks is remembered: handlers are asked anew each time, and a refusal is never kept.
import { createHash } from 'node:crypto'
import type { AuthCache } from './named.js'

interface Kept {
  readonly answer: unknown
  /** By the monotonic clock. */
  readonly until: number
}

export class Remembered {
  /** The one that was used the longest ago comes first. */
  private readonly kept = new Map<string, Kept>()

  constructor(
    private readonly cache: AuthCache,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /** Undefined where there is nothing to go by, which is no key that all requests without these headers share. */
  keyOf({ headers }: Request): string | undefined {
    const values = this.cache.headers.map((name) => headers.get(name))
    if (values.every((value) => value === null)) return undefined
    // Tokens need not stay in memory for what only compares them.
    return createHash('sha256').update(JSON.stringify(values)).digest('base64')
  }

  get(key: string): unknown {
    const found = this.kept.get(key)
    if (!found) return undefined
    this.kept.delete(key)
    if (found.until <= this.clock()) return undefined
    this.kept.set(key, found)
    return found.answer
  }

  keep(key: string, answer: unknown): void {
    this.kept.delete(key)
    this.kept.set(key, { answer, until: this.clock() + this.cache.ttl_ms })
    if (this.kept.size <= this.cache.size) return
    for (const [oldest] of this.kept) {
      this.kept.delete(oldest)
      return
    }
  }
}
