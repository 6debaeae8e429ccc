// The queries of the projection, compiled once.
import type { Kysely } from 'kysely'
import { madeOf } from './dialect.js'
import type { Tables } from './schema.js'
import { type IsOneOf, ListStatement, Statement, slot } from './statement.js'

/** Assistants that one statement of SQLite loads. */
const LOAD_SIZES = [1, 16] as const

export function projectionStatements(db: Kysely<Tables>) {
  const load = (isOneOf: IsOneOf) =>
    db
      .selectFrom('assistants as a')
      .leftJoin('versions as v', (join) =>
        join
          .onRef('v.assistant_no', '=', 'a.assistant_no')
          .onRef('v.generation', '=', 'a.generation')
          .onRef('v.version', '=', 'a.live_version'),
      )
      .select([
        'a.assistant_no',
        'a.assistant_id',
        'a.revision',
        'a.hash',
        'a.at',
        'a.generation',
        'a.environments',
        'a.highest',
        'a.created_at',
        'a.live_version',
        'a.listed',
        'v.content',
      ])
      .where(isOneOf('a.assistant_id'))
  return {
    load: new ListStatement(db, LOAD_SIZES, load),
    last: new Statement(
      db.selectFrom('assistants').select(({ fn }) => fn.max('assistant_no').as('assistant_no')),
    ),
    moveCheckpoint: new Statement(
      db
        .updateTable('checkpoint')
        .set({
          position: slot<string>('to'),
          log_id: slot<string | null>('logId'),
          epoch: slot<number | null>('epoch'),
        })
        .where('position', '=', slot<string>('from'))
        .where(madeOf(db), '=', slot<number>('made')),
    ),
    graphOf: new Statement(
      db
        .selectFrom('versions')
        .select('graph_id')
        .where('assistant_no', '=', slot<number>('assistantNo'))
        .where('generation', '=', slot<number>('generation'))
        .where('version', '=', slot<number>('version')),
    ),
    contentOf: new Statement(
      db
        .selectFrom('versions')
        .select('content')
        .where('assistant_no', '=', slot<number>('assistantNo'))
        .where('generation', '=', slot<number>('generation'))
        .where('version', '=', slot<number>('version')),
    ),
    promotion: new Statement(
      db
        .selectFrom('promotions')
        .select(({ fn }) => [
          'version',
          'revision',
          fn.coalesce('imported_at', 'at').as('at'),
          'below_revision',
        ])
        .where('assistant_no', '=', slot<number>('assistantNo'))
        .where('environment', '=', slot<string>('environment'))
        .where('revision', '=', slot<number>('revision')),
    ),
  }
}
