// The newest changes, as all who watch share them: from one following of the log, which goes on while anybody watches.
import type { EventLog, RecordedEvent } from '@assistant-ledger/event-log'
import { entryOf, type Happened, type Past } from '@assistant-ledger/history'
import { warn } from '../lines.js'
import { pause } from '../signals.js'
import { refusalOf } from '../unavailable.js'
import type { ChangesLimits } from './limits.js'

export class Recent {
  /** Everything up to here was looked at. */
  through: bigint
  /** What came after this is kept. */
  private from: bigint
  private kept: Happened[] = []
  private readonly waiting = new Set<() => void>()

  constructor(
    private readonly past: Past,
    private readonly limits: Pick<ChangesLimits, 'recent' | 'retry_ms'>,
    head: bigint,
  ) {
    this.through = head
    this.from = head
  }

  /** Follows the log until the signal, or until it is closed; one that is away is waited for. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;)
      try {
        return await this.follow(this.past.log, signal)
      } catch (error) {
        if (signal.aborted) return
        if (refusalOf(error)?.code !== 'unavailable') throw error
        warn(`the changes wait for the event log: ${(error as Error).message}`)
        await pause(this.limits.retry_ms, signal)
      }
  }

  /** What came after a position, oldest first; undefined when not all of it is kept. */
  after(position: bigint): readonly Happened[] | undefined {
    if (position < this.from) return undefined
    let first = this.kept.length
    while (first > 0 && (this.kept[first - 1] as Happened).event.position > position) first -= 1
    return this.kept.slice(first)
  }

  /** Resolves once something past the position was looked at; or with false, after a while or at the signal. */
  more(position: bigint, limit_ms: number, signal: AbortSignal): Promise<boolean> {
    if (this.through > position || signal.aborted) return Promise.resolve(!signal.aborted)
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        this.waiting.delete(end)
        resolve(this.through > position)
      }
      const timer = setTimeout(end, limit_ms)
      signal.addEventListener('abort', end)
      this.waiting.add(end)
    })
  }

  private async follow(log: EventLog, signal: AbortSignal): Promise<void> {
    const prefixes = [this.past.prefix]
    for await (const followed of log.follow({ after: this.through, prefixes, signal })) {
      if (followed.type === 'event') await this.take(followed.event)
      else if (followed.position > this.through) this.through = followed.position
      else continue
      for (const wake of [...this.waiting]) wake()
    }
  }

  private async take(event: RecordedEvent): Promise<void> {
    const entry = entryOf(await this.past.with(event), event)
    // Contents are large, and nobody is sent one.
    this.kept.push({ event: { ...event, data: undefined }, entry })
    this.through = event.position
    if (this.kept.length <= this.limits.recent) return
    // Half at a time: a shift of every event would cost the whole list each time.
    const dropped = this.kept.splice(0, this.limits.recent >> 1)
    this.from = (dropped.at(-1) as Happened).event.position
  }
}
