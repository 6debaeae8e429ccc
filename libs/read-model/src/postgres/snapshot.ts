// A moment of a PostgreSQL schema: one transaction that sees what was committed when it began, and a cursor for each
// table.
import pg from 'pg'
import { PROJECTION_VERSION } from '../schema.js'
import {
  idOf,
  NoReadModel,
  orderedRows,
  SNAPSHOT_PAGE,
  type Snapshot,
  type SnapshotRow,
  type SnapshotValue,
  standingOf,
  type TableName,
} from '../snapshot.js'
import { clientConfig } from './connections.js'
import { checkProject, versionSchema } from './names.js'

export async function postgresSnapshot(
  url: string,
  project: string,
  schema = versionSchema(project),
): Promise<Snapshot> {
  checkProject(project)
  const client = new pg.Client(
    clientConfig(url, `assistant-ledger ${project} verify`, { search_path: schema, client_encoding: 'UTF8' }),
  )
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('begin transaction isolation level repeatable read read only')
    const { rows: found } = await client.query<{ found: boolean }>(
      'select to_regclass($1) is not null as found',
      [`${schema}.checkpoint`],
    )
    if (!found[0]?.found)
      throw new NoReadModel(
        `the read database has no rows of project ${project} in projection version ${PROJECTION_VERSION}`,
      )
    const { rows } = await client.query<Record<string, SnapshotValue>>('select * from checkpoint')
    return new PostgresSnapshot(client, standingOf(rows[0], project))
  } catch (error) {
    await client.end().catch(() => undefined)
    if (error instanceof NoReadModel) throw error
    throw new NoReadModel(`the read database cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

class PostgresSnapshot implements Snapshot {
  readonly position: bigint
  readonly logId: string | undefined
  private cursors = 0

  constructor(
    private readonly client: pg.Client,
    { position, logId }: Pick<Snapshot, 'position' | 'logId'>,
  ) {
    this.position = position
    this.logId = logId
  }

  async assistantId(assistantNo: number): Promise<string | undefined> {
    const { rows } = await this.client.query<{ assistant_id: string }>(idOf('$1'), [assistantNo])
    return rows[0]?.assistant_id
  }

  async columns(table: TableName): Promise<readonly string[]> {
    const { fields } = await this.client.query(`select * from ${table} limit 0`)
    return fields.map(({ name }) => name)
  }

  async *pages(table: TableName, columns: readonly string[]): AsyncGenerator<readonly SnapshotRow[]> {
    const cursor = `rows_${++this.cursors}`
    await this.client.query(`declare ${cursor} no scroll cursor for ${orderedRows(table, columns)}`)
    for (;;) {
      const text = `fetch ${SNAPSHOT_PAGE} from ${cursor}`
      const { rows } = await this.client.query<SnapshotValue[]>({ text, rowMode: 'array' })
      if (rows.length > 0) yield rows
      if (rows.length < SNAPSHOT_PAGE) break
    }
    await this.client.query(`close ${cursor}`)
  }

  /** The other is in a file. */
  async sameRows(): Promise<undefined> {}

  async sameTerms(): Promise<undefined> {}

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined)
  }
}
