// The read database in PostgreSQL: this projection version's own schema beside the others, one connection for the
// projection, a few for queries, and one that listens for what other replicas project.
import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { ReadDatabase } from '../database.js'
import { ReadModelUnavailable } from '../errors.js'
import type { Tables } from '../schema.js'
import { clientConfig, connections } from './connections.js'
import { type ControlTables, migrate } from './control-schema.js'
import { POSTGRES_LIMITS } from './limits.js'
import { Listener } from './listener.js'
import { checkProject, controlSchema, versionSchema } from './names.js'
import { replacePostgres } from './rebuilt.js'
import { oneAtATime, PostgresReplicas } from './replicas.js'
import { createVersion } from './version-schema.js'

export interface PostgresOptions {
  readonly url: string
  readonly project: string
  readonly replica?: string
}

/** @throws ReadModelUnavailable */
export async function openPostgres({ url, project, replica }: PostgresOptions): Promise<ReadDatabase> {
  checkProject(project)
  const schema = versionSchema(project)
  const name = `assistant-ledger ${project}`
  const settings = { search_path: schema, client_encoding: 'UTF8', jit: 'off' }
  const { query_ms, write_ms, idleTransaction_ms, migrate_ms } = POSTGRES_LIMITS
  const starting = connections({
    config: clientConfig(url, name, { ...settings, statement_timeout: migrate_ms }),
    most: 1,
    timeout_ms: migrate_ms,
    wholly: false,
  })
  const reader = connections({
    config: clientConfig(url, name, { ...settings, statement_timeout: query_ms }),
    most: POSTGRES_LIMITS.connections,
    timeout_ms: query_ms,
    wholly: true,
  })
  const replicas = new PostgresReplicas(reader, project, replica ?? randomUUID())
  try {
    await prepare(starting, project, replicas)
  } catch (error) {
    await reader.destroy()
    throw error
  } finally {
    await starting.destroy()
  }
  const writer = connections({
    config: clientConfig(url, `${name} projection`, {
      ...settings,
      statement_timeout: write_ms,
      idle_in_transaction_session_timeout: idleTransaction_ms,
      // What a crash of the server takes is projected again: the checkpoint goes back with its rows.
      synchronous_commit: 'off',
    }),
    most: 1,
    timeout_ms: write_ms,
    wholly: false,
  })
  const listener = new Listener(
    clientConfig(url, `${name} listening`, { ...settings, statement_timeout: query_ms }),
    schema,
  )
  return {
    writer,
    reader,
    get available() {
      return listener.connected
    },
    replicas,
    follow: (moved) => listener.start(moved),
    async replace(complete) {
      const replacing = connections({
        config: clientConfig(url, `${name} replacing`, { ...settings, statement_timeout: migrate_ms }),
        most: 1,
        timeout_ms: migrate_ms,
        wholly: false,
      })
      try {
        await replacePostgres(replacing, project, complete)
      } finally {
        await replacing.destroy()
      }
    },
    async close() {
      // A replica that cannot say that it leaves is taken for gone when it has been silent for long enough.
      if (listener.connected) await replicas.leave().catch(() => undefined)
      await listener.close()
      await Promise.all([reader.destroy(), writer.destroy()])
    },
  }
}

/** One transaction, one replica at a time: either all is there afterwards or nothing has changed. */
async function prepare(db: Kysely<Tables>, project: string, replicas: PostgresReplicas): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    const { rows } = await sql<{ encoding: string }>`
      select current_setting('server_encoding') as encoding`.execute(transaction)
    if (rows[0]?.encoding !== 'UTF8')
      throw new ReadModelUnavailable(`its encoding is ${rows[0]?.encoding}, and must be UTF8`)
    await oneAtATime(transaction as never, project)
    const both = transaction as unknown as Kysely<Tables> & Kysely<ControlTables>
    await migrate(both, controlSchema(project))
    await createVersion(both, project)
    await replicas.register((both as Kysely<ControlTables>).withSchema(controlSchema(project)))
  })
}
