// Events that cannot be read. While a new version of the service is rolled out, a replica of the old one may meet what
// only the new one understands: it leaves the lead to others. A stream is given up only when no replica can read it.
import { type Quarantined, type Replicas, StreamUnreadable } from '@assistant-ledger/read-model'

interface Met {
  readonly error: StreamUnreadable
  /** Of the projection, when this replica could not go on. */
  readonly position: bigint
}

export class Quarantine {
  /** What this replica could not read, by stream. */
  private readonly met = new Map<string, Met>()
  private agreed: ReadonlySet<string> = new Set()

  constructor(private readonly replicas: Replicas) {}

  /** Whether every live replica that projects these rows has said that it cannot read the event. */
  isAgreed({ stream, revision }: Quarantined): boolean {
    return this.agreed.has(keyOf(stream, revision))
  }

  /**
   * Asks whether this replica would get any further than it did before.
   * @param position of the projection
   * @throws StreamUnreadable it would not, and another might
   */
  async checkLead(position: bigint): Promise<void> {
    if (this.met.size === 0) return
    await this.look()
    for (const [stream, { error, position: stoppedAt }] of this.met) {
      // Somebody has gone on: if past the event, then nothing is in the way any more.
      if (position > stoppedAt) {
        this.met.delete(stream)
        await this.replicas.clearUnreadable(stream)
      } else if (!this.isAgreed(error)) throw error
    }
  }

  /** Tells the others what this replica cannot read. */
  async note(error: StreamUnreadable, position: bigint): Promise<void> {
    const { stream, revision, reason } = error
    this.met.set(stream, { error, position })
    await this.replicas.noteUnreadable(stream, revision, reason)
  }

  private async look(): Promise<void> {
    const { replicas } = this
    const [live, notes] = await Promise.all([replicas.live(), replicas.unreadable()])
    const projecting = live.filter(({ version }) => version === replicas.self.version)
    const noted = new Set(
      notes.map(({ replica, stream, revision }) => `${replica} ${keyOf(stream, revision)}`),
    )
    this.agreed = new Set(
      notes
        .map(({ stream, revision }) => keyOf(stream, revision))
        .filter((key) => projecting.every(({ id }) => noted.has(`${id} ${key}`))),
    )
  }
}

const keyOf = (stream: string, revision: bigint): string => `${stream} ${revision}`
