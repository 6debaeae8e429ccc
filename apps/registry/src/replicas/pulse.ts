// The pulse of a replica: it says that it lives, and hears which projection version serves. A replica of a version that
// does not serve yet answers nothing and publishes nothing: its tables are still being built.
import { REPLICA_LIMITS, type Replicas } from '@assistant-ledger/read-model'
import { warn } from '../lines.js'
import { pause } from '../signals.js'

/** Three in a row may be lost before the others take this replica for gone. */
const BEAT_EVERY_MS = REPLICA_LIMITS.silent_ms / 5
/** While it waits to serve it asks more often. */
const ASK_EVERY_MS = 250

export class Pulse {
  private serving: number | undefined

  constructor(private readonly replicas: Replicas) {}

  /** Whether the tables that this replica reads are the ones that serve. */
  get serves(): boolean {
    return this.serving === this.replicas.self.version
  }

  /** Beats until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    let missed = false
    while (!signal.aborted) {
      try {
        this.serving = await this.replicas.beat()
        missed = false
      } catch (error) {
        if (!missed) warn(`cannot tell the other replicas that this one lives: ${(error as Error).message}`)
        missed = true
      }
      await pause(this.serves ? BEAT_EVERY_MS : ASK_EVERY_MS, signal)
    }
  }

  /** Resolves when this replica's version serves, or at the signal. */
  async toServe(signal: AbortSignal): Promise<void> {
    while (!this.serves && !signal.aborted) await pause(ASK_EVERY_MS, signal)
  }
}
