// When a filtered subscription says how far it has looked: after every so many events, looked at in windows. While it
// catches up it names the last match in the window, or, without one, where the window began: a place that it is past.
import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js'
import type { StoredEvent } from './event.js'
import { PAGE_EVENTS } from './limits.js'
import { checkpoint } from './wire.js'

export class Checkpoints {
  private readonly window: number
  private readonly every: number
  private considered = 0
  private windowStart = 0
  private match: number | undefined

  constructor(filter: ReadReq.Options.FilterOptions) {
    this.window = filter.getMax() || PAGE_EVENTS
    this.every = this.window * filter.getCheckpointintervalmultiplier()
  }

  /** The checkpoint that is due after this event, if one is. */
  after({ position }: StoredEvent, matches: boolean, live: boolean): ReadResp | undefined {
    if (this.considered % this.window === 0) {
      this.windowStart = position
      this.match = undefined
    }
    if (matches) this.match = position
    this.considered += 1
    if (this.considered % this.every !== 0) return undefined
    if (live) return checkpoint(position, position)
    // The server has no prepare position where it found nothing.
    return this.match === undefined ? checkpoint(this.windowStart, 0) : checkpoint(this.match, this.match)
  }
}
