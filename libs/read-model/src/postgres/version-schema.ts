// The schema of one projection version: the tables that every database has, and a word to whoever listens when the
// checkpoint moves.
import { type Kysely, sql } from 'kysely'
import { createTables, PROJECTION_VERSION, type Tables } from '../schema.js'
import type { ControlTables } from './control-schema.js'
import { controlSchema, versionSchema } from './names.js'

/** Makes this version's tables where they are missing, in the transaction that it is given. */
export async function createVersion(
  db: Kysely<Tables> & Kysely<ControlTables>,
  project: string,
): Promise<void> {
  const control = (db as Kysely<ControlTables>).withSchema(controlSchema(project))
  const versions = await control.selectFrom('projections').selectAll().execute()
  if (versions.some(({ version }) => version === PROJECTION_VERSION)) return
  const name = versionSchema(project)
  await db.schema.createSchema(name).execute()
  // The search path of the connection leads there.
  await createTables(db, project)
  await tellMoves(db, name)
  // The very first one has nobody to wait for.
  const serving = versions.length === 0
  await control.insertInto('projections').values({ version: PROJECTION_VERSION, serving }).execute()
}

/** In the transaction that moves the checkpoint, whoever it is that moves it: told is what is committed. */
export async function tellMoves(db: Kysely<Tables>, name: string): Promise<void> {
  const tell = sql.table(`${name}.tell_move`)
  await sql`
    create function ${tell}() returns trigger language plpgsql as $$
    begin
      perform pg_notify(tg_table_schema, new.position);
      return null;
    end $$`.execute(db)
  await sql`
    create trigger tell_move after update on ${sql.table(`${name}.checkpoint`)}
    for each row execute function ${tell}()`.execute(db)
}
