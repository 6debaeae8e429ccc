// What is read of the fleet: who is or was there, what was reported of a promotion, what each runner is on, and the
// promotions themselves, of now and of any time before.
import {
  type Actor,
  type Content,
  contentHash,
  type Guard,
  type LeaveReason,
  type ReportStatus,
  runnerKey,
  type Word,
} from '@assistant-ledger/assistant'
import type { Kysely } from 'kysely'
import type {
  FleetModel,
  Moment,
  OpenGuard,
  PromotionRow,
  RunnerOn,
  RunnerProcess,
  RunnerRow,
  RunnersQuery,
  Superseded,
  Which,
} from './fleet-model.js'
import { sortable } from './fleet-schema.js'
import { fleetStatements } from './fleet-statements.js'
import { decodeHistories } from './history.js'
import type { Tables } from './schema.js'

/** After every time that is recorded. */
const END_OF_TIME = '9999'

export class Fleet implements FleetModel {
  private readonly statements: ReturnType<typeof fleetStatements>

  constructor(private readonly db: Kysely<Tables>) {
    this.statements = fleetStatements(db)
  }

  async runners({ runner, environment, gone, limit, offset }: RunnersQuery): Promise<RunnerRow[]> {
    const { all, here } = this.statements
    const values = {
      runner: runner ?? '',
      anyRunner: runner === undefined ? 1 : 0,
      environment: environment ?? '',
      anyEnvironment: environment === undefined ? 1 : 0,
      limit,
      offset,
    }
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

  async words(assistantId: string, environment: string, revision: number, until?: Moment) {
    const words = new Map<string, Word>()
    const rows = await this.reports(assistantId, environment, revision, until)
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
    const rows = await this.reports(assistantId, environment, revision)
    return new Set(rows.map(({ runner, instance, status }) => `${runner} ${instance} ${status}`))
  }

  private reports(
    assistantId: string,
    environment: string,
    revision: number,
    { at, position = 0n }: Moment = { at: END_OF_TIME },
  ) {
    const values = { assistantId, environment, revision, until: at, before: sortable(position) }
    return this.statements.words.all(this.db, values)
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

  async promotion(assistantId: string, environment: string, which: Which) {
    const row = await this.promotionRow(assistantId, environment, which)
    if (!row) return undefined
    const content = JSON.parse(row.content) as Content
    return {
      ...promotionOf(row),
      assistantId,
      graph: content.graph_id,
      hash: contentHash(content),
    }
  }

  async promotions(assistantId: string, environment: string, page: { limit: number; offset: number }) {
    const rows = await this.statements.promotions.all(this.db, { assistantId, environment, ...page })
    return rows.map(promotionOf)
  }

  async canMeet(assistantId: string, environment: string, revision: number) {
    // Every revision is at least the one, and none the other.
    const any = revision === -1 ? 0 : Number.MAX_SAFE_INTEGER
    const values = { assistantId, environment, revision, any }
    return (await this.statements.canMeet.first(this.db, values)) !== undefined
  }

  private async promotionRow(assistantId: string, environment: string, which: Which) {
    const { promotionOf, promotionUpTo, promotionAt } = this.statements
    const of = { assistantId, environment }
    if (which !== 'now' && 'revision' in which)
      return promotionOf.first(this.db, { ...of, revision: which.revision })
    if (which !== 'now' && 'upTo' in which)
      return promotionUpTo.first(this.db, { ...of, revision: which.upTo })
    const at = which === 'now' ? END_OF_TIME : which.at
    const row = await promotionAt.first(this.db, { ...of, at })
    // The newest that there was by then is in force, unless the assistant had been deleted by then.
    return row && row.deleted_at !== null && row.deleted_at <= at ? undefined : row
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

interface PromotionRecord {
  readonly environment: string
  readonly revision: number
  readonly generation: number
  readonly version: number
  readonly at: string
  readonly promoted_by: string
  readonly reason: string | null
  readonly replaces: number | null
  readonly is_rollback: number
  readonly guard: string | null
  /** The next promotion of the environment in the same life. */
  readonly next_revision: number | null
  readonly next_at: string | null
  readonly next_position: string | null
  readonly next_by: string | null
  readonly next_reason: string | null
  readonly next_version: number | null
  readonly next_is_rollback: number | null
  /** The end of that life. */
  readonly deleted_revision: number | null
  readonly deleted_at: string | null
  readonly deleted_position: string | null
  readonly deleted_by: string | null
  readonly deleted_reason: string | null
}

function promotionOf(row: PromotionRecord): PromotionRow {
  const { environment, revision, generation, version, at, reason, replaces, guard } = row
  const superseded = supersededOf(row)
  return {
    environment,
    revision,
    generation,
    version,
    at,
    by: JSON.parse(row.promoted_by) as Actor,
    ...(reason === null ? {} : { reason }),
    ...(replaces === null ? {} : { replaces }),
    ...(row.is_rollback === 1 ? { rollback: true as const } : {}),
    ...(guard === null ? {} : { guard: JSON.parse(guard) as Guard }),
    ...(superseded === undefined ? {} : { superseded }),
  }
}

function supersededOf(row: PromotionRecord): Superseded | undefined {
  if (row.next_revision !== null)
    return {
      revision: row.next_revision,
      at: row.next_at as string,
      position: BigInt(row.next_position as string),
      by: JSON.parse(row.next_by as string) as Actor,
      ...(row.next_reason === null ? {} : { reason: row.next_reason }),
      version: row.next_version as number,
      ...(row.next_is_rollback === 1 ? { rollback: true as const } : {}),
    }
  if (row.deleted_revision === null) return undefined
  return {
    revision: row.deleted_revision,
    at: row.deleted_at as string,
    position: BigInt(row.deleted_position as string),
    by: JSON.parse(row.deleted_by as string) as Actor,
    ...(row.deleted_reason === null ? {} : { reason: row.deleted_reason }),
  }
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
