// The chronicles that were asked for last, as many events of them as may be remembered.
import type { Chronicle } from './chronicle.js'
import { HISTORY_LIMITS } from './limits.js'

export class Memory {
  /** Those used last stand last. */
  private readonly kept = new Map<string, { readonly chronicle: Chronicle; readonly events: number }>()
  /** Of all that are kept. */
  events = 0

  constructor(private readonly most: number = HISTORY_LIMITS.remembered) {}

  get(assistantId: string): Chronicle | undefined {
    return this.kept.get(assistantId)?.chronicle
  }

  /** Keeps a chronicle as the one used last; those used first are given up for it, and itself where it is too long. */
  keep(chronicle: Chronicle): void {
    const { assistantId } = chronicle
    this.forget(assistantId)
    const events = Number(chronicle.next)
    if (events === 0) return
    this.kept.set(assistantId, { chronicle, events })
    this.events += events
    for (const oldest of this.kept.keys()) {
      if (this.events <= this.most) return
      this.forget(oldest)
    }
  }

  private forget(assistantId: string): void {
    this.events -= this.kept.get(assistantId)?.events ?? 0
    this.kept.delete(assistantId)
  }
}
