// All rows of a read model as they stood at one moment, in the order of their keys, for whoever compares two of them.
// Nothing is made, discarded or written; the service goes on beside it. Rows come a page at a time.
import { PROJECTION_VERSION, type Tables } from './schema.js'

/** The columns that a table's rows are sorted by: unique together. */
export const TABLE_KEYS = {
  checkpoint: ['project'],
  quarantine: ['stream'],
  assistants: ['assistant_no'],
  versions: ['assistant_no', 'generation', 'version'],
  promotions: ['assistant_no', 'environment', 'revision'],
  commands: ['assistant_no', 'command_id'],
  config_keys: ['assistant_no', 'environment', 'graph_id'],
  search_terms: ['term', 'created_us', 'assistant_no'],
  graphs: ['graph_id'],
  graph_descriptors: ['graph_id', 'revision'],
  guards: ['assistant_no', 'environment'],
  deletions: ['assistant_no', 'generation'],
  fleet_streams: ['stream'],
  runner_stays: ['instance', 'runner', 'joined_position'],
  runner_reports: ['assistant_id', 'environment', 'revision', 'instance', 'runner', 'status'],
  runner_holds: ['instance', 'runner', 'assistant_id', 'environment'],
  runner_refused: ['instance', 'runner', 'assistant_id', 'environment'],
} as const satisfies { readonly [Table in keyof Tables]: readonly (keyof Tables[Table])[] }

export type TableName = keyof typeof TABLE_KEYS

/** Values as SQLite has them. */
export type SnapshotValue = string | number | null

/** In the order of the columns that were asked for. */
export type SnapshotRow = readonly SnapshotValue[]

export interface Snapshot {
  /** Of the projection's checkpoint. */
  readonly position: bigint
  readonly logId: string | undefined
  /** The id of the assistant with this number. */
  assistantId(assistantNo: number): Promise<string | undefined>
  columns(table: TableName): Promise<readonly string[]>
  /** Pages of rows in the order of their keys, texts by their bytes. */
  pages(table: TableName, columns: readonly string[]): AsyncIterable<readonly SnapshotRow[]>
  /**
   * How many rows of a table this one and the other have, when they are the very same; undefined when they are not, or
   * when the other is out of this one's reach: then they are compared one by one.
   * @param onProgress told the rows so far
   */
  sameRows(
    table: TableName,
    columns: readonly string[],
    other: Snapshot,
    onProgress: (rows: number) => void,
  ): Promise<number | undefined>
  /**
   * How many search terms this one has, when they are those of the other's assistants; undefined when they are not, or
   * when the other is out of this one's reach. The other need not have any itself: see `ReadModel.finish`.
   */
  sameTerms(other: Snapshot, onProgress: (rows: number) => void): Promise<number | undefined>
  /** Lets go of the moment: a database that holds it for long cannot tidy up behind it. */
  close(): Promise<void>
}

/** There is no read model to be looked at: none there, of another project or version, or out of reach. One line. */
export class NoReadModel extends Error {
  override readonly name = 'NoReadModel'
}

export type SnapshotSource =
  | { readonly file: string }
  | {
      readonly url: string
      /** Absent: the one that serves. */
      readonly schema?: string
    }

/** Rows of one page. */
export const SNAPSHOT_PAGE = 500

/** @throws NoReadModel */
export async function openSnapshot(source: SnapshotSource, project: string): Promise<Snapshot> {
  if ('file' in source) {
    const { sqliteSnapshot } = await import('./sqlite-snapshot.js')
    return sqliteSnapshot(source.file, project)
  }
  const { postgresSnapshot } = await import('./postgres/snapshot.js')
  return postgresSnapshot(source.url, project, source.schema)
}

/** What a snapshot says of itself, from its checkpoint's row. @throws NoReadModel */
export function standingOf(
  row: Readonly<Record<string, SnapshotValue>> | undefined,
  project: string,
): Pick<Snapshot, 'position' | 'logId'> {
  if (!row) throw new NoReadModel('the read model has no checkpoint')
  if (row.project !== project)
    throw new NoReadModel(`the read model is of project ${row.project}, not of ${project}`)
  if (row.projection_version !== PROJECTION_VERSION)
    throw new NoReadModel(
      `the read model is of projection version ${row.projection_version}, and this program knows ${PROJECTION_VERSION}: use the program of the service's version`,
    )
  return { position: BigInt(row.position as string), logId: (row.log_id as string | null) ?? undefined }
}

/** The query for the id of an assistant. */
export const idOf = (parameter: string): string =>
  `select assistant_id from assistants where assistant_no = ${parameter}`

/** The query for all rows of a table in the order of their keys. */
export const orderedRows = (table: TableName, columns: readonly string[]): string =>
  `select ${columns.join(', ')} from ${table} order by ${TABLE_KEYS[table].join(', ')}`
