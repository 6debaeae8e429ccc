// The changes as they come, for each who watches from where they left off: in order, once each. Nothing is kept for one
// alone: who is close behind takes from what all share, who is far behind reads the log at their own pace.
import { setMaxListeners } from 'node:events'
import { refuse } from '@assistant-ledger/assistant'
import {
  entryOf,
  type Happened,
  type Notice,
  noticeOf,
  type Past,
  type Sees,
  type Watched,
} from '@assistant-ledger/history'
import { RefusalError } from '../bus/contract.js'
import { fault } from '../lines.js'
import { Places } from '../queries/places.js'
import { refusalOf } from '../unavailable.js'
import { CHANGES_LIMITS, type ChangesLimits } from './limits.js'
import { Recent } from './recent.js'

/** What a watcher is told: a notice, or only how far they are. */
export interface Told {
  /** Resume after it, and nothing is missed or told twice. */
  readonly position: bigint
  readonly notice?: Notice
}

export interface Watching {
  readonly filter: Watched
  readonly sees: Sees
  /** The last position that is known; absent: only what comes from here on. */
  readonly after?: bigint
}

/** One following of the log, and what ends it. */
interface Following {
  readonly recent: Promise<Recent>
  readonly end: AbortController
}

export class Changes {
  private readonly limits: ChangesLimits
  private readonly stop = new AbortController()
  private watchers = 0
  /** Who is far behind reads page after page, and others want the thread too: of them, and of the rest of the service. */
  private readonly reading: Places
  private following: Following | undefined

  constructor(
    private readonly past: Past,
    limits: Partial<ChangesLimits> = {},
  ) {
    this.limits = { ...CHANGES_LIMITS, ...limits }
    this.reading = new Places(this.limits.reading)
    // Each who watches listens to it.
    setMaxListeners(0, this.stop.signal)
  }

  /** How many watch. */
  get watching(): number {
    return this.watchers
  }

  /** Everybody's stream ends. */
  close(): void {
    this.stop.abort()
  }

  /**
   * The changes after a position, then those that come, until the signal, the stop of the service, or the stream's time
   * is over. Begins when the reader does, and lets go when the reader breaks off.
   * @throws RefusalError `busy`, or `invalid-request` for a position that the log does not have yet
   */
  async watch(watching: Watching, signal: AbortSignal): Promise<AsyncGenerator<Told>> {
    if (this.watchers >= this.limits.watchers)
      throw new RefusalError(
        refuse('busy', `${this.watchers} watch already; try again later, or at another replica`),
      )
    const head = await this.past.log.head()
    const { after = head } = watching
    if (after > head)
      throw new RefusalError(
        refuse(
          'invalid-request',
          `Position ${after} is beyond the end of the log, ${head}: it is of another log, or of one that was restored; begin without it`,
          { field: 'after' },
        ),
      )
    return this.told({ ...watching, after }, signal)
  }

  private async *told(
    { filter, sees, after }: Watching & { readonly after: bigint },
    reader: AbortSignal,
  ): AsyncGenerator<Told> {
    this.watchers += 1
    const ending = new AbortController()
    const end = () => ending.abort()
    const { signal } = ending
    const life = setTimeout(end, this.limits.life_ms)
    const ends = [reader, this.stop.signal]
    try {
      let seen = after
      yield { position: seen }
      const following = this.join()
      ends.push(following.end.signal)
      for (const one of ends) {
        one.addEventListener('abort', end)
        if (one.aborted) end()
      }
      const recent = await following.recent
      while (!signal.aborted) {
        const { happened, through } = await this.next(recent, seen, signal)
        for (const one of happened) {
          if (signal.aborted) return
          const notice = await noticeOf(this.past, one, filter, sees)
          seen = one.event.position
          if (notice) yield { position: seen, notice }
        }
        if (through > seen) seen = through
        const more = await recent.more(seen, this.limits.heartbeat_ms, signal)
        if (!more && !signal.aborted) yield { position: seen }
      }
    } finally {
      clearTimeout(life)
      for (const one of ends) one.removeEventListener('abort', end)
      this.watchers -= 1
      if (this.watchers === 0) this.leave()
    }
  }

  /** The next changes after a position, and up to where they are all there are. */
  private async next(
    recent: Recent,
    seen: bigint,
    signal: AbortSignal,
  ): Promise<{ readonly happened: readonly Happened[]; readonly through: bigint }> {
    const through = recent.through
    const shared = recent.after(seen)
    if (shared) return { happened: shared, through }
    const happened = await this.reading.take(() => this.page(seen, signal))
    // A page that is not full was read to the log's end, which was not before what others had seen.
    return { happened, through: happened.length < this.limits.page ? through : seen }
  }

  private async page(seen: bigint, signal: AbortSignal): Promise<readonly Happened[]> {
    const { past } = this
    const happened: Happened[] = []
    const { page: limit } = this.limits
    const events = past.log.readAll({ after: seen, prefixes: [past.prefix], limit, signal })
    for await (const event of events)
      happened.push({ event: { ...event, data: undefined }, entry: entryOf(await past.with(event), event) })
    return happened
  }

  /** The first one begins to follow the log, for all. */
  private join(): Following {
    this.following ??= this.begin()
    return this.following
  }

  private begin(): Following {
    const end = new AbortController()
    setMaxListeners(0, end.signal)
    const recent = this.past.log.head().then((head) => new Recent(this.past, this.limits, head))
    const following = { recent, end }
    const over = (error: unknown) => {
      // Those who watch come again, and it begins anew.
      if (this.following === following) this.following = undefined
      end.abort()
      if (!refusalOf(error)) fault(`the changes broke off: ${(error as Error).stack ?? error}`)
    }
    recent.then((begun) => begun.run(end.signal)).catch(over)
    return following
  }

  private leave(): void {
    this.following?.end.abort()
    this.following = undefined
  }
}
