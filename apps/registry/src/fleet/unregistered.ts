// Runners that name a descriptor which is not on record: what they registered was lost, with the newest part of a log for
// instance. Each is asked to register again, which costs nothing where it has just not come to it yet.
import type { DescriptorModel } from '@assistant-ledger/read-model'
import { FLEET_LIMITS } from './limits.js'

interface Wanting {
  times: number
  askedAt: number
}

export class Unregistered {
  private readonly wanting = new Map<string, Wanting>()
  /** `<graph> <hash>`, JSON: so that each word of each runner is no query. */
  private readonly onRecord = new Set<string>()

  constructor(private readonly model: Pick<DescriptorModel, 'registered'>) {}

  /** Whether a runner is to be asked now. @param runner its key @param descriptors what it names, by graph */
  async isDue(runner: string, descriptors: ReadonlyMap<string, string>): Promise<boolean> {
    for (const [graph, hash] of descriptors)
      if (!(await this.isOnRecord(graph, hash))) return this.isDueFor(runner)
    this.wanting.delete(runner)
    return false
  }

  forget(runner: string): void {
    this.wanting.delete(runner)
  }

  /** What was on record may be no longer. */
  clear(): void {
    this.wanting.clear()
    this.onRecord.clear()
  }

  private isDueFor(runner: string): boolean {
    const { times, askedAt } = this.wanting.get(runner) ?? { times: 0, askedAt: Number.NEGATIVE_INFINITY }
    const now = performance.now()
    const due = times + 1 >= FLEET_LIMITS.differing && now - askedAt >= FLEET_LIMITS.askToRegister_ms
    this.wanting.set(runner, { times: times + 1, askedAt: due ? now : askedAt })
    return due
  }

  private async isOnRecord(graph: string, hash: string): Promise<boolean> {
    const key = JSON.stringify([graph, hash])
    if (this.onRecord.has(key)) return true
    if (!(await this.model.registered(graph, hash))) return false
    this.onRecord.add(key)
    const [oldest] = this.onRecord
    if (this.onRecord.size > FLEET_LIMITS.onRecord) this.onRecord.delete(oldest as string)
    return true
  }
}
