// A moment of the SQLite file: a read transaction over a connection of its own, which the write-ahead log keeps apart from
// what is written meanwhile.
import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { sameRows } from './same-rows.js'
import { sameTerms } from './same-terms.js'
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
} from './snapshot.js'

/** Tables are gone through from one end to the other: no page is asked for again much later. */
const SNAPSHOT_CACHE_KIB = 4 * 1024

export async function sqliteSnapshot(file: string, project: string): Promise<Snapshot> {
  if (!existsSync(file)) throw new NoReadModel(`there is no read model at ${file}`)
  let database: Database.Database | undefined
  try {
    database = new Database(file, { readonly: true })
    database.pragma(`cache_size = -${SNAPSHOT_CACHE_KIB}`)
    database.exec('BEGIN')
    const row = database.prepare<[], Record<string, SnapshotValue>>('select * from checkpoint').get()
    return new SqliteSnapshot(file, database, standingOf(row, project))
  } catch (error) {
    database?.close()
    if (error instanceof NoReadModel) throw error
    throw new NoReadModel(`the read model ${file} cannot be read: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

class SqliteSnapshot implements Snapshot {
  readonly position: bigint
  readonly logId: string | undefined

  constructor(
    private readonly file: string,
    private readonly database: Database.Database,
    { position, logId }: Pick<Snapshot, 'position' | 'logId'>,
  ) {
    this.position = position
    this.logId = logId
  }

  async assistantId(assistantNo: number): Promise<string | undefined> {
    const row = this.database.prepare<[number], { assistant_id: string }>(idOf('?')).get(assistantNo)
    return row?.assistant_id
  }

  async columns(table: TableName): Promise<readonly string[]> {
    const columns = this.database.prepare<[string], string>('select name from pragma_table_info(?)')
    return columns.pluck().all(table)
  }

  async *pages(table: TableName, columns: readonly string[]): AsyncGenerator<readonly SnapshotRow[]> {
    let page: SnapshotRow[] = []
    const rows = this.database.prepare(orderedRows(table, columns)).raw().iterate()
    for (const row of rows as IterableIterator<SnapshotRow>) {
      page.push(row)
      if (page.length < SNAPSHOT_PAGE) continue
      yield page
      page = []
    }
    if (page.length > 0) yield page
  }

  async sameRows(
    table: TableName,
    columns: readonly string[],
    other: Snapshot,
    onProgress: (rows: number) => void,
  ): Promise<number | undefined> {
    if (!(other instanceof SqliteSnapshot)) return undefined
    return sameRows({ database: this.database, file: other.file, table, columns, onProgress })
  }

  async sameTerms(other: Snapshot, onProgress: (rows: number) => void): Promise<number | undefined> {
    if (!(other instanceof SqliteSnapshot)) return undefined
    return sameTerms({ database: this.database, file: other.file, onProgress })
  }

  async close(): Promise<void> {
    this.database.close()
  }
}
