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

  constructor(private readonly longest: number) {}

  /**
   * Runs the work when everything before it under the same key has ended, however that ended.
   * @throws RefusalError `busy` when too many wait already
   */
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const line = this.lines.get(key) ?? { last: Promise.resolve(), waiting: 0 }
    if (line.waiting >= this.longest)
      throw new RefusalError(
        refuse('busy', `${line.waiting} commands wait for this assistant already; try again`),
      )
    this.lines.set(key, line)
    line.waiting += 1
    const turn = line.last.then(work).finally(() => {
      line.waiting -= 1
      if (line.waiting === 0) this.lines.delete(key)
    })
    line.last = turn.catch(() => undefined)
    return turn
  }
}
