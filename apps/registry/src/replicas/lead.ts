// What only one of the replicas may do at a time, and which of them does it. The lead saves work; that two leads do no
// harm, while one does not know yet that it has lost it, is seen to by the checkpoints, which move by compare-and-set.
import { leads } from '../observability/metrics.js'

/** What has one active replica: the projection; and the publication, with the recording of the fleet beside it. */
export const ROLES = ['projection', 'publication'] as const
export type Role = (typeof ROLES)[number]

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

/** The roles in which a replica leads, told to whoever watches. */
export class Leading {
  readonly roles = new Set<Role>()

  /** Does the work, leading as long as it lasts. */
  async during(role: Role, work: () => Promise<void>): Promise<void> {
    this.roles.add(role)
    leads.set({ role }, 1)
    try {
      await work()
    } finally {
      this.roles.delete(role)
      leads.set({ role }, 0)
    }
  }
}

/** A process with a log of its own: it leads in everything, for as long as it runs. */
export class Alone implements Leadership {
  private readonly mine = new Leading()

  get leading(): ReadonlySet<Role> {
    return this.mine.roles
  }

  lead(role: Role, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    return this.mine.during(role, () => work(signal))
  }
}
