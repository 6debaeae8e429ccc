// The queries on the fleet, compiled once.
import type { Kysely } from 'kysely'
import type { Tables } from './schema.js'
import { Statement, slot } from './statement.js'

export function fleetStatements(db: Kysely<Tables>) {
  const stays = db
    .selectFrom('runner_stays')
    .select([
      'runner',
      'instance',
      'build',
      'environment',
      'graphs',
      'assistants',
      'joined_at',
      'left_at',
      'left_reason',
    ])
    .orderBy('runner')
    .orderBy('joined_position')
    .orderBy('instance')
  const inEnvironment = stays.where('environment', '=', slot<string>('environment'))
  const named = stays
    .where((eb) =>
      eb.or([
        eb('runner', '=', slot<string>('runner')),
        eb(eb.val(slot<number>('anyRunner')), '=', eb.lit(1)),
      ]),
    )
    .where((eb) =>
      eb.or([
        eb('environment', '=', slot<string>('environment')),
        eb(eb.val(slot<number>('anyEnvironment')), '=', eb.lit(1)),
      ]),
    )
    .limit(slot<number>('limit'))
    .offset(slot<number>('offset'))
  const promotions = db
    .selectFrom('assistants as a')
    .innerJoin('promotions as p', 'p.assistant_no', 'a.assistant_no')
    .leftJoin('promotions as n', (join) =>
      join
        .onRef('n.assistant_no', '=', 'p.assistant_no')
        .onRef('n.environment', '=', 'p.environment')
        .onRef('n.generation', '=', 'p.generation')
        .on('n.revision', '=', (eb) =>
          eb
            .selectFrom('promotions as later')
            .select('later.revision')
            .whereRef('later.assistant_no', '=', 'p.assistant_no')
            .whereRef('later.environment', '=', 'p.environment')
            .whereRef('later.revision', '>', 'p.revision')
            .orderBy('later.revision')
            .limit(1),
        ),
    )
    .leftJoin('deletions as d', (join) =>
      join.onRef('d.assistant_no', '=', 'p.assistant_no').onRef('d.generation', '=', 'p.generation'),
    )
    .select(['p.environment', 'p.revision', 'p.generation', 'p.version', 'p.at', 'p.promoted_by'])
    .select(['p.reason', 'p.replaces', 'p.is_rollback', 'p.guard'])
    .select(['n.revision as next_revision', 'n.at as next_at', 'n.promoted_by as next_by'])
    .select(['n.reason as next_reason', 'n.version as next_version', 'n.is_rollback as next_is_rollback'])
    .select(['d.revision as deleted_revision', 'd.at as deleted_at', 'd.deleted_by'])
    .select(['d.reason as deleted_reason', 'd.position as deleted_position', 'n.position as next_position'])
    .where('a.assistant_id', '=', slot<string>('assistantId'))
    .where('p.environment', '=', slot<string>('environment'))
  const ofContent = promotions
    .innerJoin('versions as v', (join) =>
      join
        .onRef('v.assistant_no', '=', 'p.assistant_no')
        .onRef('v.generation', '=', 'p.generation')
        .onRef('v.version', '=', 'p.version'),
    )
    .select('v.content')
  const last = (table: 'runner_holds' | 'runner_refused', kind: string) =>
    db
      .selectFrom(table)
      .select((eb) => eb.val(kind).as('kind'))
      .select(['assistant_id', 'environment', 'revision', 'generation', 'version', 'hash', 'reason', 'at'])
      .where('instance', '=', slot<string>('instance'))
      .where('runner', '=', slot<string>('runner'))
  const both = last('runner_holds', 'holds').unionAll(last('runner_refused', 'refused'))
  return {
    all: new Statement(named),
    here: new Statement(named.where('left_position', 'is', null)),
    hereNow: new Statement(inEnvironment.where('left_position', 'is', null)),
    hereAt: new Statement(
      inEnvironment
        .where('joined_at', '<=', slot<string>('at'))
        .where((eb) => eb.or([eb('left_at', 'is', null), eb('left_at', '>', slot<string>('at'))])),
    ),
    cameBefore: new Statement(
      db
        .selectFrom('runner_stays')
        .select('joined_at')
        .where('instance', '=', slot<string>('instance'))
        .where('runner', '=', slot<string>('runner'))
        .where('joined_at', '<=', slot<string>('at'))
        .orderBy('joined_position', 'desc')
        .limit(1),
    ),
    gone: new Statement(
      inEnvironment
        .where('left_at', '>', slot<string>('since'))
        .where('left_at', '<=', slot<string>('until')),
    ),
    words: new Statement(
      db
        .selectFrom('runner_reports')
        .select(['runner', 'instance', 'status', 'reason', 'at'])
        .where('assistant_id', '=', slot<string>('assistantId'))
        .where('environment', '=', slot<string>('environment'))
        .where('revision', '=', slot<number>('revision'))
        .where((eb) =>
          eb.or([eb('at', '<=', slot<string>('until')), eb('position', '<', slot<string>('before'))]),
        ),
    ),
    on: new Statement(
      both
        .orderBy('assistant_id')
        .orderBy('environment')
        .limit(slot<number>('limit'))
        .offset(slot<number>('offset')),
    ),
    onOf: new Statement(
      db.selectFrom(both.as('b')).selectAll().where('assistant_id', '=', slot<string>('assistantId')),
    ),
    promotionOf: new Statement(ofContent.where('p.revision', '=', slot<number>('revision'))),
    promotionUpTo: new Statement(
      ofContent.where('p.revision', '<=', slot<number>('revision')).orderBy('p.revision', 'desc').limit(1),
    ),
    promotionAt: new Statement(
      ofContent.where('p.at', '<=', slot<string>('at')).orderBy('p.revision', 'desc').limit(1),
    ),
    promotions: new Statement(
      promotions.orderBy('p.revision', 'desc').limit(slot<number>('limit')).offset(slot<number>('offset')),
    ),
    canMeet: new Statement(
      db
        .selectFrom('assistants as a')
        .innerJoin('promotions as p', 'p.assistant_no', 'a.assistant_no')
        .select('p.revision')
        .where('a.assistant_id', '=', slot<string>('assistantId'))
        .where('p.environment', '=', slot<string>('environment'))
        .where((eb) =>
          eb.or([
            eb('p.revision', '=', slot<number>('revision')),
            eb('p.revision', '>=', slot<number>('any')),
            eb.exists(
              eb
                .selectFrom('deletions as d')
                .select('d.revision')
                .whereRef('d.assistant_no', '=', 'a.assistant_no')
                .where('d.revision', '=', slot<number>('revision')),
            ),
          ]),
        )
        .limit(1),
    ),
    guards: new Statement(
      db
        .selectFrom('guards as g')
        .innerJoin('assistants as a', 'a.assistant_no', 'g.assistant_no')
        .select(['a.assistant_id', 'a.environments', 'g.environment', 'g.revision', 'g.at', 'g.guard']),
    ),
  }
}
