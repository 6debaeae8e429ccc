// A schema of the same projection version that is built beside the live one, and the step in which it takes its place: a
// change of two names in one transaction. Whoever queries sees the one before it and the other after it.
import { type Kysely, sql } from 'kysely'
import type { ReadDatabase } from '../database.js'
import { createTables, type Tables } from '../schema.js'
import { clientConfig, connections } from './connections.js'
import { POSTGRES_LIMITS } from './limits.js'
import { rebuiltSchema, replacedSchema, versionSchema } from './names.js'
import { oneAtATime } from './replicas.js'
import { tellMoves } from './version-schema.js'

/** Opens the schema that is built beside, made when it is not there or does not fit. @throws ReadModelUnavailable */
export async function openRebuiltPostgres(url: string, project: string): Promise<ReadDatabase> {
  const schema = rebuiltSchema(project)
  const { write_ms, idleTransaction_ms, query_ms } = POSTGRES_LIMITS
  const settings = {
    search_path: schema,
    client_encoding: 'UTF8',
    jit: 'off',
    synchronous_commit: 'off',
    statement_timeout: write_ms,
    idle_in_transaction_session_timeout: idleTransaction_ms,
  }
  const name = `assistant-ledger ${project} rebuilding`
  const config = clientConfig(url, name, settings)
  const writer = connections({ config, most: 1, timeout_ms: write_ms, wholly: false })
  const reader = connections({ config, most: 2, timeout_ms: query_ms, wholly: false })
  const close = async () => void (await Promise.all([reader.destroy(), writer.destroy()]))
  try {
    await writer.transaction().execute((transaction) => prepare(transaction, schema, project))
  } catch (error) {
    await close()
    throw error
  }
  return {
    writer,
    reader,
    available: true,
    replicas: undefined,
    follow: async () => {},
    replace: async () => {
      throw new Error('what is built beside is not replaced')
    },
    close,
  }
}

async function prepare(db: Kysely<Tables>, schema: string, project: string): Promise<void> {
  const { rows } = await sql<{ found: string | null }>`
    select to_regclass(${`${schema}.checkpoint`})::text as found`.execute(db)
  if (rows[0]?.found) return
  await db.schema.dropSchema(schema).ifExists().cascade().execute()
  await db.schema.createSchema(schema).execute()
  await createTables(db, project)
  await tellMoves(db, schema)
}

/**
 * Puts the schema that was built beside in the place of the live one.
 * @param live connections whose search path is the live schema
 * @param complete see {@link ReadDatabase.replace}
 */
export async function replacePostgres(
  live: Kysely<Tables>,
  project: string,
  complete: (position: bigint) => Promise<void>,
): Promise<void> {
  const [now, next, before] = [versionSchema(project), rebuiltSchema(project), replacedSchema(project)]
  await dropReplaced(live, before)
  await live.transaction().execute(async (transaction) => {
    await oneAtATime(transaction as never, project)
    // Waits for the batch that is being projected, and lets no other begin.
    await sql`lock table ${sql.table(`${now}.checkpoint`)} in exclusive mode`.execute(transaction)
    const { position } = await transaction
      .selectFrom('checkpoint')
      .select('position')
      .executeTakeFirstOrThrow()
    await complete(BigInt(position))
    await sql`alter schema ${sql.id(now)} rename to ${sql.id(before)}`.execute(transaction)
    await sql`alter schema ${sql.id(next)} rename to ${sql.id(now)}`.execute(transaction)
    await sql`select pg_notify(${now}, ${position})`.execute(transaction)
  })
  await dropReplaced(live, before)
}

/** Waits for the queries that still read it. */
const dropReplaced = (db: Kysely<Tables>, schema: string) =>
  db.schema.dropSchema(schema).ifExists().cascade().execute()
