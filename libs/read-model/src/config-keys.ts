// The desired state of the config bucket: a row for each (environment, graph, assistant) that ever was.
import { type Actor, type Content, contentHash } from '@assistant-ledger/assistant'
import type { Kysely } from 'kysely'
import type { ConfigKey } from './read-model.js'
import type { Tables } from './schema.js'
import { fill, Statement, slot, slots } from './statement.js'
import { turn } from './turn.js'

/** Assistants whose keys one query reads. */
const ASSISTANTS_PAGE = 32

export class ConfigKeys {
  private readonly statements: ReturnType<typeof keyStatements>

  constructor(private readonly db: Kysely<Tables>) {
    this.statements = keyStatements(db)
  }

  /** In the order of the assistants' first events, then of environment and graph. */
  async of(assistantIds: readonly string[]): Promise<ConfigKey[]> {
    const keys: ConfigKey[] = []
    for (let next = 0; next < assistantIds.length; next += ASSISTANTS_PAGE) {
      const some = assistantIds.slice(next, next + ASSISTANTS_PAGE)
      const rows =
        some.length === 1
          ? await this.statements.ofOne.all(this.db, fill('id', 1, some))
          : await this.statements.ofSome.all(this.db, fill('id', ASSISTANTS_PAGE, some))
      for (const row of rows) keys.push(keyOf(row))
    }
    return keys
  }

  async *all(): AsyncGenerator<ConfigKey> {
    for (let after = 0; ; after += ASSISTANTS_PAGE) {
      const rows = await this.statements.between.all(this.db, { after, through: after + ASSISTANTS_PAGE })
      for (const row of rows) yield keyOf(row)
      if (rows.length === 0) {
        const last = await this.statements.last.first(this.db)
        if (!last || (last.assistant_no ?? 0) <= after) return
      }
      await turn()
    }
  }

  async graphs(): Promise<string[]> {
    return (await this.statements.graphs.all(this.db)).map(({ graph_id }) => graph_id)
  }
}

type KeyRow = Awaited<ReturnType<ReturnType<typeof keyStatements>['between']['all']>>[number]

function keyOf(row: KeyRow): ConfigKey {
  const key = {
    environment: row.environment,
    graphId: row.graph_id,
    assistantId: row.assistant_id,
    generation: row.generation,
    version: row.version,
    revision: BigInt(row.revision),
    position: BigInt(row.position),
    promotedAt: row.promoted_at,
    promotedBy: JSON.parse(row.promoted_by) as Actor,
  }
  if (row.state === 'deleted') return { ...key, state: 'deleted' }
  if (row.state === 'moved') return { ...key, state: 'moved', to: row.moved_to as string }
  const content = JSON.parse(row.content as string) as Content
  return { ...key, state: 'live', content, contentHash: contentHash(content) }
}

function keyStatements(db: Kysely<Tables>) {
  const keys = db
    .selectFrom('assistants as a')
    .innerJoin('config_keys as k', 'k.assistant_no', 'a.assistant_no')
    // Tombstones need no content.
    .leftJoin('versions as v', (join) =>
      join
        .onRef('v.assistant_no', '=', 'k.assistant_no')
        .onRef('v.generation', '=', 'k.generation')
        .onRef('v.version', '=', 'k.version')
        .on('k.state', '=', 'live'),
    )
    .select([
      'a.assistant_id',
      'k.environment',
      'k.graph_id',
      'k.state',
      'k.moved_to',
      'k.generation',
      'k.version',
      'k.revision',
      'k.position',
      'k.promoted_at',
      'k.promoted_by',
      'v.content',
    ])
    .orderBy('k.assistant_no')
    .orderBy('k.environment')
    .orderBy('k.graph_id')
  return {
    ofOne: new Statement(keys.where('a.assistant_id', 'in', slots<string>('id', 1))),
    ofSome: new Statement(keys.where('a.assistant_id', 'in', slots<string>('id', ASSISTANTS_PAGE))),
    between: new Statement(
      keys
        .where('a.assistant_no', '>', slot<number>('after'))
        .where('a.assistant_no', '<=', slot<number>('through')),
    ),
    last: new Statement(
      db.selectFrom('assistants').select(({ fn }) => fn.max('assistant_no').as('assistant_no')),
    ),
    graphs: new Statement(db.selectFrom('graphs').select('graph_id').orderBy('graph_id')),
  }
}
