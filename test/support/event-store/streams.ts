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
  private readonly tombstones = new Map<string, StoredEvent>()

  add(event: StoredEvent): void {
    this.all.push(event)
    if (event.revision === DELETED_REVISION) {
      this.tombstones.set(event.stream, event)
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
    return this.tombstones.has(stream) || this.tombstones.has(originalOf(stream) ?? stream)
  }

  tombstone(stream: string): StoredEvent | undefined {
    return this.tombstones.get(stream)
  }

  /** Whether a reader finds it, if only to find it empty. */
  isFound(stream: string): boolean {
    return this.last(stream) >= 0 && !this.isSoftDeleted(stream)
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
    if (originalOf(stream) !== undefined) return { $maxCount: 1 }
    const newest = this.events(metastreamOf(stream)).at(-1)
    if (!newest) return {}
    try {
      return JSON.parse(Buffer.from(newest.data).toString('utf8'))
    } catch {
      return {}
    }
  }

  /** Whether the log can be read from there: not from amid an event. */
  isReadable(position: number): boolean {
    const last = this.all.at(-1)
    if (position === 0 || last === undefined || position >= last.end) return true
    return this.all[this.indexOf(position)]?.position === position
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

const METASTREAM_PREFIX = '$$'

export function metastreamOf(stream: string): string {
  return `${METASTREAM_PREFIX}${stream}`
}

/** The stream that a metastream is about, undefined for any other. */
export function originalOf(stream: string): string | undefined {
  return stream.startsWith(METASTREAM_PREFIX) ? stream.slice(METASTREAM_PREFIX.length) : undefined
}
