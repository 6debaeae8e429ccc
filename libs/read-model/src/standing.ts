// What is known of the projection outside of the rows, and how it is read from the database.
import type { Ledger } from '@assistant-ledger/assistant'
import type { Kysely } from 'kysely'
import { madeOf } from './dialect.js'
import { ReadModelUnavailable } from './errors.js'
import type { Quarantined } from './read-model.js'
import type { Tables } from './schema.js'
import { type Runner, Statement } from './statement.js'

/** Replaced by each batch that commits, here or in another process. */
export interface Standing {
  readonly position: bigint
  readonly ledger: Ledger | undefined
  readonly quarantined: ReadonlyMap<string, Quarantined>
  /** The number of the next assistant; undefined when another process may have given it away. */
  readonly nextNo: number | undefined
  /** Which tables these are: a read model that was made again beside has others. */
  readonly made: number
}

export class StandingReader {
  private readonly statement: ReturnType<typeof standingStatement>

  constructor(db: Kysely<Tables>) {
    this.statement = standingStatement(db)
  }

  async read(runner: Runner): Promise<Standing> {
    const rows = await this.statement.all(runner)
    const checkpoint = rows[0]
    if (!checkpoint) throw new ReadModelUnavailable('it has no checkpoint')
    const { position, log_id, epoch, made } = checkpoint
    const quarantined = new Map<string, Quarantined>()
    for (const { stream, revision, reason } of rows)
      if (stream !== null && revision !== null && reason !== null)
        quarantined.set(stream, { stream, revision: BigInt(revision), reason })
    return {
      position: BigInt(position),
      ledger: log_id === null || epoch === null ? undefined : { logId: log_id, epoch },
      quarantined,
      nextNo: undefined,
      made,
    }
  }
}

/** One statement, so that no batch commits between its parts. */
const standingStatement = (db: Kysely<Tables>) =>
  new Statement(
    db
      .selectFrom('checkpoint as c')
      .leftJoin('quarantine as q', (join) => join.onTrue())
      .select(['c.position', 'c.log_id', 'c.epoch', 'q.stream', 'q.revision', 'q.reason'])
      .select(madeOf(db, 'c').as('made'))
      .orderBy('q.stream'),
  )
