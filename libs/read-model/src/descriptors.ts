// What is read of graphs: which descriptors were registered, and what each says.
import type { GraphDescriptor } from '@assistant-ledger/assistant'
import type { Kysely } from 'kysely'
import type { Tables } from './schema.js'
import { Statement, slot } from './statement.js'
import { withoutNul } from './without-nul.js'

/** A descriptor on record, without what it says. */
export interface DescriptorRow {
  readonly graphId: string
  /** SHA-256, hex, of its canonical JSON. */
  readonly hash: string
  /** Of the graph's stream. */
  readonly revision: bigint
  /** Of the log. */
  readonly position: bigint
  readonly registeredAt: string
  /** Who gave it first. */
  readonly runner: string
  readonly build?: string
}

export interface DescriptorModel {
  /** The descriptor that was registered last. */
  newest(graphId: string): Promise<DescriptorRow | undefined>
  /** The one with this hash. */
  registered(graphId: string, hash: string): Promise<DescriptorRow | undefined>
  /** What it says. */
  descriptor(graphId: string, hash: string): Promise<GraphDescriptor | undefined>
}

export class Descriptors implements DescriptorModel {
  private readonly statements: ReturnType<typeof descriptorStatements>

  constructor(private readonly db: Kysely<Tables>) {
    this.statements = descriptorStatements(db)
  }

  async newest(graphId: string) {
    const row = await this.statements.newest.first(this.db, { graphId: withoutNul(graphId) })
    return row && rowOf(row)
  }

  async registered(graphId: string, hash: string) {
    const row = await this.statements.ofHash.first(this.db, { graphId: withoutNul(graphId), hash })
    return row && rowOf(row)
  }

  async descriptor(graphId: string, hash: string) {
    const row = await this.statements.descriptor.first(this.db, { graphId: withoutNul(graphId), hash })
    return row && (JSON.parse(row.descriptor) as GraphDescriptor)
  }
}

type Stored = Awaited<ReturnType<ReturnType<typeof descriptorStatements>['newest']['all']>>[number]

const rowOf = ({ graph_id, hash, revision, position, registered_at, runner, build }: Stored) => ({
  graphId: graph_id,
  hash,
  revision: BigInt(revision),
  position: BigInt(position),
  registeredAt: registered_at,
  runner,
  ...(build === null ? {} : { build }),
})

function descriptorStatements(db: Kysely<Tables>) {
  const ofGraph = db.selectFrom('graph_descriptors').where('graph_id', '=', slot<string>('graphId'))
  const newestFirst = ofGraph.orderBy('revision', 'desc').limit(1)
  const rows = newestFirst.select([
    'graph_id',
    'hash',
    'revision',
    'position',
    'registered_at',
    'runner',
    'build',
  ])
  return {
    newest: new Statement(rows),
    ofHash: new Statement(rows.where('hash', '=', slot<string>('hash'))),
    descriptor: new Statement(newestFirst.select('descriptor').where('hash', '=', slot<string>('hash'))),
  }
}
