// What replicas tell each other, in the control schema. Times are the database's own: the replicas' clocks differ.
import { type Kysely, sql } from 'kysely'
import type { ReadDatabase } from '../database.js'
import { REPLICA_LIMITS, type Replica, type Replicas, type Unreadable } from '../replicas.js'
import { PROJECTION_VERSION } from '../schema.js'
import type { ControlTables } from './control-schema.js'
import { controlSchema, rebuiltSchema, versionSchema } from './names.js'

/** Since when a live replica has been heard of. */
const lately = sql<Date>`now() - ${sql.lit(REPLICA_LIMITS.silent_ms)} * interval '1 millisecond'`

/** Waits for whoever else starts, switches or drops, until the transaction ends. */
export const oneAtATime = (db: Kysely<never>, project: string) =>
  sql`select pg_advisory_xact_lock(hashtextextended(${`${controlSchema(project)} versions`}, 0))`.execute(db)

export class PostgresReplicas implements Replicas {
  readonly self: Replica
  private readonly control: Kysely<ControlTables>

  constructor(
    db: ReadDatabase['reader'],
    private readonly project: string,
    id: string,
  ) {
    this.self = { id, version: PROJECTION_VERSION }
    this.control = (db as unknown as Kysely<ControlTables>).withSchema(controlSchema(project))
  }

  async beat(): Promise<number> {
    await this.register(this.control)
    const serving = this.control.selectFrom('projections').select('version').where('serving', '=', true)
    return (await serving.executeTakeFirstOrThrow()).version
  }

  async register(db: Kysely<ControlTables>): Promise<void> {
    await db
      .insertInto('replicas')
      .values({ ...this.self, heartbeat: sql`now()` })
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet({ version: PROJECTION_VERSION, heartbeat: sql`now()` }),
      )
      .execute()
  }

  live(): Promise<Replica[]> {
    return liveOnes(this.control).execute()
  }

  serve(): Promise<boolean> {
    return this.alone(async (control) => {
      const current = await control
        .selectFrom('projections')
        .select('version')
        .where('serving', '=', true)
        .executeTakeFirst()
      const { version } = this.self
      if (current?.version === version) return true
      const inUse = (await liveOnes(control).execute()).some((live) => live.version === current?.version)
      if (current && current.version > version && inUse) return false
      await control.updateTable('projections').set({ serving: false }).where('serving', '=', true).execute()
      await control
        .updateTable('projections')
        .set({ serving: true })
        .where('version', '=', version)
        .executeTakeFirstOrThrow()
      return true
    })
  }

  dropUnused(): Promise<number[]> {
    return this.alone(async (control) => {
      const unused = await control
        .selectFrom('projections')
        .select('version')
        .where('serving', '=', false)
        .where('version', '<>', this.self.version)
        .where('version', 'not in', liveOnes(control).clearSelect().select('version'))
        .orderBy('version')
        .execute()
      for (const { version } of unused) {
        for (const schema of [versionSchema(this.project, version), rebuiltSchema(this.project, version)])
          await control.schema.dropSchema(schema).ifExists().cascade().execute()
        await control.deleteFrom('projections').where('version', '=', version).execute()
      }
      return unused.map(({ version }) => version)
    })
  }

  async noteUnreadable(stream: string, revision: bigint, reason: string): Promise<void> {
    const note = { revision: Number(revision), reason }
    await this.control
      .insertInto('unreadable')
      .values({ replica: this.self.id, stream, ...note })
      .onConflict((conflict) => conflict.columns(['replica', 'stream']).doUpdateSet(note))
      .execute()
  }

  async unreadable(): Promise<Unreadable[]> {
    const rows = await this.control
      .selectFrom('unreadable')
      .selectAll()
      .where('replica', 'in', liveOnes(this.control).clearSelect().select('id'))
      .orderBy('stream')
      .orderBy('replica')
      .execute()
    return rows.map(({ revision, ...note }) => ({ ...note, revision: BigInt(revision) }))
  }

  async clearUnreadable(stream?: string): Promise<void> {
    await this.control
      .deleteFrom('unreadable')
      .where('replica', '=', this.self.id)
      .$if(stream !== undefined, (query) => query.where('stream', '=', stream as string))
      .execute()
  }

  /** Takes this replica out of those that live. */
  async leave(): Promise<void> {
    await this.clearUnreadable()
    await this.control.deleteFrom('replicas').where('id', '=', this.self.id).execute()
  }

  private alone<T>(work: (control: Kysely<ControlTables>) => Promise<T>): Promise<T> {
    return this.control.transaction().execute(async (transaction) => {
      await oneAtATime(transaction as never, this.project)
      return work(transaction)
    })
  }
}

const liveOnes = (control: Kysely<ControlTables>) =>
  control.selectFrom('replicas').select(['id', 'version']).where('heartbeat', '>', lately).orderBy('id')
