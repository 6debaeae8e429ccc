// The newest events, kept in memory as they were written: who follows the log closely is served from here, without a
// look at the file and without parsing what another follower had parsed already.
import { EMBEDDED_LIMITS } from './limits.js'
import type { RecordedEvent } from './log.js'
import { asEvent, type EventRow } from './reader.js'

interface Kept {
  readonly row: EventRow
  readonly size: number
  event: RecordedEvent | undefined
}

export class RecentEvents {
  private kept: Kept[] = []
  private first = 0
  private size = 0

  /** Takes the next events of the log; a gap before them would be one for the followers too, so it begins anew. */
  add(rows: readonly EventRow[]): void {
    const last = this.kept.at(-1)
    if (last && rows[0] && rows[0].position !== last.row.position + 1n) this.clear()
    for (const row of rows) {
      const size = row.data.length + row.metadata.length
      this.kept.push({ row, size, event: undefined })
      this.size += size
    }
    while (this.size > EMBEDDED_LIMITS.recentBytes || this.count > EMBEDDED_LIMITS.recentEvents) this.drop()
    // Moved to the front in one go now and then: a shift of every event would cost the whole list each time.
    if (this.first > EMBEDDED_LIMITS.recentEvents) {
      this.kept = this.kept.slice(this.first)
      this.first = 0
    }
  }

  /** The events past `position`, at most `limit`; undefined when some of them are not kept any more. */
  after(position: bigint, limit: number): readonly RecordedEvent[] | undefined {
    const oldest = this.kept[this.first]
    if (!oldest || position < oldest.row.position - 1n) return undefined
    const from = this.first + Number(position - (oldest.row.position - 1n))
    return this.kept.slice(from, from + limit).map((kept) => {
      kept.event ??= asEvent(kept.row)
      return kept.event
    })
  }

  private get count(): number {
    return this.kept.length - this.first
  }

  private drop(): void {
    const oldest = this.kept[this.first] as Kept
    this.size -= oldest.size
    this.kept[this.first] = undefined as unknown as Kept
    this.first += 1
  }

  private clear(): void {
    this.kept = []
    this.first = 0
    this.size = 0
  }
}
