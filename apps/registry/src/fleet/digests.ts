// What is recorded of each runner, as one digest: a runner says its own in its presence, and where the two differ a
// report was lost.
import { createHash } from 'node:crypto'
import { type ReportStatus, runnerKey } from '@assistant-ledger/assistant'
import type { FleetModel, RunnerOn, RunnerProcess } from '@assistant-ledger/read-model'

interface Recorded {
  readonly words: Map<string, string>
  readonly sum: Buffer
}

const PAGE = 1_000
const DIGEST_BYTES = 32

export class Digests {
  private readonly recorded = new Map<string, Promise<Recorded>>()

  constructor(private readonly fleet: FleetModel) {}

  /** Count and digest over the last report of each assistant. */
  async of(process: RunnerProcess): Promise<{ readonly count: number; readonly digest: string }> {
    const { words, sum } = await (this.recorded.get(runnerKey(process)) ?? this.load(process))
    return { count: words.size, digest: sum.toString('hex') }
  }

  /** A report was recorded. */
  note(process: RunnerProcess, assistantId: string, revision: number, status: ReportStatus): void {
    const word = `${assistantId} ${revision} ${status}`
    void this.recorded.get(runnerKey(process))?.then(
      (recorded) => set(recorded, assistantId, word),
      () => undefined,
    )
  }

  forget(process: RunnerProcess): void {
    this.recorded.delete(runnerKey(process))
  }

  /** Whoever recorded before may have recorded what was not noted here. */
  clear(): void {
    this.recorded.clear()
  }

  /** What is recorded meanwhile is noted after it. */
  private load(process: RunnerProcess): Promise<Recorded> {
    const key = runnerKey(process)
    const loading = this.read(process)
    this.recorded.set(key, loading)
    loading.catch(() => this.recorded.delete(key))
    return loading
  }

  private async read(process: RunnerProcess): Promise<Recorded> {
    const recorded: Recorded = { words: new Map(), sum: Buffer.alloc(DIGEST_BYTES) }
    for (let offset = 0; ; offset += PAGE) {
      const page = await this.fleet.on(process, { limit: PAGE, offset })
      for (const one of page) set(recorded, one.assistantId, lastWord(one))
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
