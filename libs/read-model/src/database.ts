// What a read model needs of its database: where to write, where to read, and how it hears of what others write.
// Two there are: sqlite.ts and postgres/open.ts.
import type { Kysely } from 'kysely'
import type { Replicas } from './replicas.js'
import type { Tables } from './schema.js'
import type { Runner } from './statement.js'

/** What searches need besides the rows: terms and orders. */
export interface Late {
  /** Whether it is still to be made. Batches leave it out until then, and keep it from then on. */
  readonly pending: boolean
  /** @returns whether it is made; false after the signal */
  make(signal: AbortSignal | undefined): Promise<boolean>
}

export interface ReadDatabase {
  /** For the projection alone. */
  readonly writer: Kysely<Tables>
  readonly reader: Kysely<Tables>
  /** Whether it can be reached, as far as is known. */
  readonly available: boolean
  /** What goes beyond one process; undefined where there is only one. */
  readonly replicas: Replicas | undefined
  /** What is made only when all rows are there; absent: every batch keeps everything. */
  readonly late?: Late
  /**
   * Calls back whenever another process may have moved the checkpoint, with what to read it through. Resolves after
   * the first time.
   */
  follow(moved: (runner: Runner) => Promise<void>): Promise<void>
  /**
   * Puts what was built beside in the place of this one, for all who use it.
   * @param complete called with the position that this one is at, while nobody moves it: what was built beside has to
   * be there, or further, and closed when it resolves
   */
  replace(complete: (position: bigint) => Promise<void>): Promise<void>
  close(): Promise<void>
}
