// What is recorded of each runner, as one digest: a runner says its own in its presence, and where the two differ a
// report was lost.
import { createHash } from 'node:crypto'
import type { ReportStatus } from '@assistant-ledger/assistant'
import type { FleetModel, RunnerOn } from '@assistant-ledger/read-model'

interface Recorded {
  readonly words: Map<string, string>
  readonly sum: Buffer
}

const PAGE = 1_000
const NOTHING_BYTES = 32

export class Digests {
  private readonly recorded = new Map<string, Recorded>()

  constructor(private readonly fleet: FleetModel) {}

  /** Count and digest over the last report of each assistant. */
  async of(instance: string): Promise<{ readonly count: number; readonly digest: string }> {
    const { words, sum } = this.recorded.get(instance) ?? (await this.load(instance))
    return { count: words.size, digest: sum.toString('hex') }
  }

  /** A report was recorded. */
  note(instance: string, assistantId: string, revision: number, status: ReportStatus): void {
    const recorded = this.recorded.get(instance)
    if (recorded) set(recorded, assistantId, `${assistantId} ${revision} ${status}`)
  }

  forget(instance: string): void {
    this.recorded.delete(instance)
  }

  private async load(instance: string): Promise<Recorded> {
    const recorded: Recorded = { words: new Map(), sum: Buffer.alloc(NOTHING_BYTES) }
    // From here on what is recorded is noted too; what both know is the same.
    this.recorded.set(instance, recorded)
    for (let offset = 0; ; offset += PAGE) {
      const page = await this.fleet.on(instance, { limit: PAGE, offset })
      for (const one of page)
        if (!recorded.words.has(one.assistantId)) set(recorded, one.assistantId, lastWord(one))
      if (page.length === 0) return recorded
    }
  }
}

function lastWord({ assistantId, on, removed, refused }: RunnerOn): string {
  const status = refused ? 'rejected' : on ? 'active' : 'removed'
  return `${assistantId} ${(refused ?? on ?? removed)?.revision} ${status}`
}

function set({ words, sum }: Recorded, assistantId: string, word: string): void {
  const before = words.get(assistantId)
  if (before === word) return
  if (before !== undefined) toggle(sum, before)
  toggle(sum, word)
  words.set(assistantId, word)
}

function toggle(sum: Buffer, word: string): void {
  const hash = createHash('sha256').update(word, 'utf8').digest()
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) ^ (hash[i] as number)
}
