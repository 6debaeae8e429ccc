// What is read of the fleet: who is or was there, what was reported of a promotion, what each runner is on, and the
// promotions themselves, of now and of any time before.
import {
  type Content,
  contentHash,
  type Guard,
  type LeaveReason,
  type Promotion,
  type ReportStatus,
  runnerKey,
  type Word,
} from '@assistant-ledger/assistant'
import type { Kysely } from 'kysely'
import type {
  FleetModel,
  OpenGuard,
  RunnerOn,
  RunnerProcess,
  RunnerRow,
  RunnersQuery,
  Which,
} from './fleet-model.js'
import { decodeHistories } from './history.js'
import type { Tables } from './schema.js'
import { Statement, slot } from './statement.js'

/** After every time that is recorded. */
const END_OF_TIME = '9999'

export class Fleet implements FleetModel {
  private readonly statements: ReturnType<typeof fleetStatements>

  constructor(private readonly db: Kysely<Tables>) {
    this.statements = fleetStatements(db)
  }

  async runners({ runner, gone, limit, offset }: RunnersQuery): Promise<RunnerRow[]> {
    const { all, here } = this.statements
    const values = { runner: runner ?? '', any: runner === undefined ? 1 : 0, limit, offset }
    return (await (gone ? all : here).all(this.db, values)).map(rowOf)
  }

  async following(of: Followed, at?: string) {
    const { environment } = of
    const rows = await (at === undefined
      ? this.statements.hereNow.all(this.db, { environment })
      : this.statements.hereAt.all(this.db, { environment, at }))
    return rows.map(rowOf).filter(follows(of))
  }

  async gone(of: Followed, since: string, until = END_OF_TIME) {
    const rows = await this.statements.gone.all(this.db, { environment: of.environment, since, until })
    return rows.map(rowOf).filter(follows(of))
  }

  async cameBefore({ runner, instance }: RunnerProcess, at: string) {
    return (await this.statements.cameBefore.first(this.db, { runner, instance, at }))?.joined_at
  }

  async words(assistantId: string, environment: string, revision: number, until = END_OF_TIME) {
    const words = new Map<string, Word>()
    const rows = await this.statements.words.all(this.db, { assistantId, environment, revision, until })
    for (const { runner, instance, status, reason, at } of rows) {
      const key = runnerKey({ runner, instance })
      // What was active once is that for good: a later removal is another matter.
      if (words.get(key)?.status === 'active') continue
      words.set(key, {
        status: status as ReportStatus,
        at,
        ...(reason === null ? {} : { reason }),
      })
    }
    return words
  }

  async reported(assistantId: string, environment: string, revision: number) {
    const until = END_OF_TIME
    const rows = await this.statements.words.all(this.db, { assistantId, environment, revision, until })
    return new Set(rows.map(({ runner, instance, status }) => `${runner} ${instance} ${status}`))
  }

  async on(of: RunnerProcess, page: { limit: number; offset: number }): Promise<RunnerOn[]> {
    const rows = await this.statements.on.all(this.db, { runner: of.runner, instance: of.instance, ...page })
    return joined(rows)
  }

  async onOf({ runner, instance }: RunnerProcess, assistantId: string): Promise<RunnerOn | undefined> {
    const rows = await this.statements.onOf.all(this.db, { runner, instance, assistantId })
    return joined(rows)[0]
  }

  async guards(): Promise<OpenGuard[]> {
    const rows = await this.statements.guards.all(this.db)
    return rows
      .filter(({ environments, environment, revision }) => {
        return decodeHistories(environments).get(environment)?.entries[0]?.revision === revision
      })
      .map(({ assistant_id, environment, revision, at, guard }) => ({
        assistantId: assistant_id,
        environment,
        revision,
        at,
        guard: JSON.parse(guard) as Guard,
      }))
  }

  async promotion(assistantId: string, environment: string, which: Which): Promise<Promotion | undefined> {
    const row = await this.promotionRow(assistantId, environment, which)
    if (!row) return undefined
    const content = JSON.parse(row.content) as Content
    return {
      assistantId,
      environment,
      graph: content.graph_id,
      revision: row.revision,
      generation: row.generation,
      version: row.version,
      hash: contentHash(content),
      at: row.at,
    }
  }

  private async promotionRow(assistantId: string, environment: string, which: Which) {
    const { promotionOf, promotionAt, pointers } = this.statements
    if (which !== 'now' && 'revision' in which)
      return promotionOf.first(this.db, { assistantId, environment, revision: which.revision })
    if (which !== 'now') {
      const row = await promotionAt.first(this.db, { assistantId, environment, at: which.at })
      // Deleted since, and not begun again: its last event is no older than that.
      const isGone = row && row.created_at === null && row.last_generation === row.generation
      return isGone && row.last_at <= which.at ? undefined : row
    }
    // The pointer as it is: a deleted assistant has none, whatever was promoted before.
    const row = await pointers.first(this.db, { assistantId })
    const top = row && decodeHistories(row.environments).get(environment)?.entries[0]
    return top && promotionOf.first(this.db, { assistantId, environment, revision: top.revision })
  }
}

interface Followed {
  readonly environment: string
  readonly graph: string
  readonly assistantId: string
}

const follows =
  ({ graph, assistantId }: Followed) =>
  ({ graphs, assistants }: RunnerRow): boolean =>
    graphs.includes(graph) && (assistants?.includes(assistantId) ?? true)

interface LastWordRow {
  readonly kind: string
  readonly assistant_id: string
  readonly environment: string
  readonly revision: number
  readonly generation: number | null
  readonly version: number | null
  readonly hash: string | null
  readonly reason: string | null
  readonly at: string
}

/** What a runner holds and what it refused, one entry an assistant. */
function joined(rows: readonly LastWordRow[]): RunnerOn[] {
  const all = new Map<string, RunnerOn>()
  for (const { kind, assistant_id, environment, revision, generation, version, hash, reason, at } of rows) {
    const key = `${assistant_id} ${environment}`
    const named = generation === null ? {} : { generation, version: version as number, hash: hash as string }
    const entry = all.get(key) ?? { assistantId: assistant_id, environment }
    const word = { revision, at, ...named }
    if (kind === 'refused') all.set(key, { ...entry, refused: { ...word, reason: reason ?? '' } })
    else all.set(key, { ...entry, [generation === null ? 'removed' : 'on']: word })
  }
  return [...all.values()].map(withoutOldRefusal)
}

/** A refusal stands until something newer is active. */
function withoutOldRefusal({ refused, ...rest }: RunnerOn): RunnerOn {
  const newest = (rest.on ?? rest.removed)?.revision ?? -1
  return refused && refused.revision > newest ? { ...rest, refused } : rest
}

interface StayRow {
  readonly runner: string
  readonly instance: string
  readonly build: string | null
  readonly environment: string
  readonly graphs: string
  readonly assistants: string | null
  readonly joined_at: string
  readonly left_at: string | null
  readonly left_reason: string | null
}

function rowOf(row: StayRow): RunnerRow {
  const { runner, instance, build, environment, joined_at, left_at, left_reason } = row
  return {
    runner,
    instance,
    environment,
    graphs: JSON.parse(row.graphs) as string[],
    joinedAt: joined_at,
    ...(build === null ? {} : { build }),
    ...(row.assistants === null ? {} : { assistants: JSON.parse(row.assistants) as string[] }),
    ...(left_at === null ? {} : { left: { at: left_at, reason: left_reason as LeaveReason } }),
  }
}

function fleetStatements(db: Kysely<Tables>) {
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
      eb.or([eb('runner', '=', slot<string>('runner')), eb(eb.val(slot<number>('any')), '=', eb.lit(1))]),
    )
    .limit(slot<number>('limit'))
    .offset(slot<number>('offset'))
  const promotions = db
    .selectFrom('assistants as a')
    .innerJoin('promotions as p', 'p.assistant_no', 'a.assistant_no')
    .innerJoin('versions as v', (join) =>
      join
        .onRef('v.assistant_no', '=', 'p.assistant_no')
        .onRef('v.generation', '=', 'p.generation')
        .onRef('v.version', '=', 'p.version'),
    )
    .select(['p.revision', 'p.generation', 'p.version', 'p.at', 'v.content'])
    .select(['a.created_at', 'a.generation as last_generation', 'a.at as last_at'])
    .where('a.assistant_id', '=', slot<string>('assistantId'))
    .where('p.environment', '=', slot<string>('environment'))
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
        .where('at', '<=', slot<string>('until')),
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
    promotionOf: new Statement(promotions.where('p.revision', '=', slot<number>('revision'))),
    promotionAt: new Statement(
      promotions.where('p.at', '<=', slot<string>('at')).orderBy('p.revision', 'desc').limit(1),
    ),
    guards: new Statement(
      db
        .selectFrom('guards as g')
        .innerJoin('assistants as a', 'a.assistant_no', 'g.assistant_no')
        .select(['a.assistant_id', 'a.environments', 'g.environment', 'g.revision', 'g.at', 'g.guard']),
    ),
    pointers: new Statement(
      db
        .selectFrom('assistants')
        .select('environments')
        .where('assistant_id', '=', slot<string>('assistantId')),
    ),
  }
}
