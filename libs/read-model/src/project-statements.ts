// The queries of the projection, compiled once.
import type { Kysely } from 'kysely'
import type { Tables } from './schema.js'
import { Statement, slot, slots } from './statement.js'

export function projectionStatements(db: Kysely<Tables>, sizes: { load: number; remove: number }) {
  const load = (ids: string[]) =>
    new Statement(
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
          'a.listed',
          'v.content',
        ])
        .where('a.assistant_id', 'in', ids),
    )
  return {
    loadOne: load(slots<string>('id', 1)),
    loadSome: load(slots<string>('id', sizes.load)),
    moveCheckpoint: new Statement(
      db
        .updateTable('checkpoint')
        .set({
          position: slot<string>('to'),
          log_id: slot<string | null>('logId'),
          epoch: slot<number | null>('epoch'),
        })
        .where('position', '=', slot<string>('from')),
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
        .select(['version', 'revision', 'at', 'below_revision'])
        .where('assistant_no', '=', slot<number>('assistantNo'))
        .where('environment', '=', slot<string>('environment'))
        .where('revision', '=', slot<number>('revision')),
    ),
    removeTerms: new Statement(
      db
        .deleteFrom('search_terms')
        .where('term', 'in', slots<string>('term', sizes.remove))
        .where('created_us', '=', slot<number>('created'))
        .where('assistant_no', '=', slot<number>('assistantNo')),
    ),
  }
}
