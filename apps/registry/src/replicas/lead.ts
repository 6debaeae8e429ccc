// What only one of the replicas may do at a time, and which of them does it. The lead saves work; that two leads do no
// harm, while one does not know yet that it has lost it, is seen to by the checkpoints, which move by compare-and-set.

/** What has one active replica: the projection; and the publication, with the recording of the fleet beside it. */
export type Role = 'projection' | 'publication'

export interface Leadership {
  /** The roles in which this replica leads right now. */
  readonly leading: ReadonlySet<Role>
  /**
   * Runs the work whenever this replica leads in the role, until the signal. The work is told by its own signal when
   * the lead is lost; another replica may have it by then.
   * @throws what the work failed with, when no other replica could do better
   */
  lead(role: Role, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>
}

/** A process with a log of its own: it leads in everything, for as long as it runs. */
export class Alone implements Leadership {
  readonly leading = new Set<Role>()

  async lead(role: Role, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    this.leading.add(role)
    await work(signal).finally(() => this.leading.delete(role))
  }
}
