// What the log holds, in memory: all events in order, and each stream with what its metastream says about it.
import type { StoredEvent } from './event.js'

/** A tombstone's revision, and the `$tb` of a stream that is deleted but may come back: the greatest 64-bit number. */
export const DELETED_REVISION = '9223372036854775807'

export const NO_EVENTS: readonly StoredEvent[] = []

interface Metadata {
  readonly $maxAge?: number
  readonly $maxCount?: number
  readonly $tb?: number
}

export class Streams {
  readonly all: StoredEvent[] = []
  private readonly byName = new Map<string, StoredEvent[]>()
  private readonly tombstones = new Set<string>()

  add(event: StoredEvent): void {
    this.all.push(event)
    if (event.revision === DELETED_REVISION) {
      this.tombstones.add(event.stream)
      return
    }
    const stream = this.byName.get(event.stream)
    if (stream) stream.push(event)
    else this.byName.set(event.stream, [event])
  }

  /** Every event of a stream, also those that its metadata hides: index and revision are the same. */
  events(stream: string): readonly StoredEvent[] {
    return this.byName.get(stream) ?? NO_EVENTS
  }

  /** Revision of the newest event, -1 for none. */
  last(stream: string): number {
    return this.events(stream).length - 1
  }

  /** Whether the stream is gone for ever, with its metastream. */
  isTombstoned(stream: string): boolean {
    return this.tombstones.has(stream) || this.tombstones.has(stream.replace(/^\$\$/, ''))
  }

  isSoftDeleted(stream: string): boolean {
    return (this.metadata(stream).$tb ?? 0) >= Number(DELETED_REVISION)
  }

  /** Revision of the first event that a reader sees now. */
  first(stream: string): number {
    const events = this.events(stream)
    const { $tb = 0, $maxCount = events.length, $maxAge } = this.metadata(stream)
    const first = Math.max($tb, events.length - $maxCount)
    if ($maxAge === undefined) return first
    const oldest = (Date.now() - $maxAge * 1_000) * 10_000
    const young = events.findIndex(({ created }) => Number(created) >= oldest)
    return Math.max(first, young < 0 ? events.length : young)
  }

  metadata(stream: string): Metadata {
    // A metastream keeps its newest event only.
    if (stream.startsWith('$$')) return { $maxCount: 1 }
    const newest = this.events(`$$${stream}`).at(-1)
    if (!newest) return {}
    try {
      return JSON.parse(Buffer.from(newest.data).toString('utf8'))
    } catch {
      return {}
    }
  }

  /** Index in `all` of the first event at or after a position. */
  indexOf(position: number): number {
    let low = 0
    let high = this.all.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.all[middle]?.position ?? 0) < position) low = middle + 1
      else high = middle
    }
    return low
  }
}
