// Whose turn it is: the commands of one assistant are decided one after the other, so that writers within one
// process never conflict. Those of different assistants don't wait for each other.
import { refuse } from '@assistant-ledger/assistant'
import { RefusalError } from '../bus/contract.js'

interface Line {
  last: Promise<unknown>
  waiting: number
}

export class Turns {
  private readonly lines = new Map<string, Line>()

  /**
   * @param longest how many may wait under one key
   * @param wait_ms after so long a turn that comes is not taken any more
   */
  constructor(
    private readonly longest: number,
    private readonly wait_ms: number,
    /** What a key names, as refusals call it. */
    private readonly what = 'assistant',
  ) {}

  /**
   * Runs the work when everything before it under the same key has ended, however that ended.
   * @throws RefusalError `busy` when too many wait already; `unavailable` when the turn came too late: each of those
   * before it may have waited for a log that does not answer, and so all together for very long
   */
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const line = this.lines.get(key) ?? { last: Promise.resolve(), waiting: 0 }
    if (line.waiting >= this.longest)
      throw new RefusalError(
        refuse('busy', `${line.waiting} commands wait for this ${this.what} already; try again`),
      )
    this.lines.set(key, line)
    line.waiting += 1
    const since = performance.now()
    const turn = line.last
      .then(() => this.inTime(since, work))
      .finally(() => {
        line.waiting -= 1
        if (line.waiting === 0) this.lines.delete(key)
      })
    line.last = turn.catch(() => undefined)
    return turn
  }

  private inTime<T>(since: number, work: () => Promise<T>): Promise<T> {
    if (performance.now() - since <= this.wait_ms) return work()
    throw new RefusalError(
      refuse('unavailable', `The commands of this ${this.what} before it took too long; nothing was changed`),
    )
  }
}
