// The tables that span the projection's versions, and their migrations. Unlike the projected rows they are kept: a
// migration is appended here and never changed, and leaves what an older replica reads and writes as it is.
import { type Kysely, sql } from 'kysely'

export interface ControlTables {
  migrations: { version: number }
  /** The projection versions that have tables; one of them serves. */
  projections: { version: number; serving: boolean }
  replicas: { id: string; version: number; heartbeat: Date }
  unreadable: { replica: string; stream: string; revision: number; reason: string }
}

type Control = Kysely<ControlTables>

const MIGRATIONS: readonly ((db: Control) => Promise<void>)[] = [
  async ({ schema }) => {
    await schema
      .createTable('projections')
      .addColumn('version', 'integer', (c) => c.primaryKey())
      .addColumn('serving', 'boolean', (c) => c.notNull())
      .execute()
    await schema
      .createIndex('projections_one_serves')
      .on('projections')
      .unique()
      .column('serving')
      .where(sql.ref('serving'), '=', sql.lit(true))
      .execute()
    await schema
      .createTable('replicas')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('version', 'integer', (c) => c.notNull())
      .addColumn('heartbeat', 'timestamptz', (c) => c.notNull())
      .execute()
    await schema
      .createTable('unreadable')
      .addColumn('replica', 'text', (c) => c.notNull())
      .addColumn('stream', 'text', (c) => c.notNull())
      .addColumn('revision', 'bigint', (c) => c.notNull())
      .addColumn('reason', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('unreadable_pk', ['replica', 'stream'])
      .execute()
  },
]

/** Brings the control schema up to date, in the transaction that it is given; that of a newer version stays as it is. */
export async function migrate(db: Control, name: string): Promise<void> {
  await db.schema.createSchema(name).ifNotExists().execute()
  const control = db.withSchema(name)
  await control.schema
    .createTable('migrations')
    .ifNotExists()
    .addColumn('version', 'integer', (c) => c.primaryKey())
    .execute()
  const newest = await control
    .selectFrom('migrations')
    .select(({ fn }) => fn.max('version').as('version'))
    .executeTakeFirst()
  for (const [index, migration] of MIGRATIONS.entries()) {
    const version = index + 1
    if (version <= (newest?.version ?? 0)) continue
    await migration(control)
    await control.insertInto('migrations').values({ version }).execute()
  }
}
