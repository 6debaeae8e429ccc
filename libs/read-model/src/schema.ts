// The tables of the read database. Everything in them follows from the log, so a change here is a new
// PROJECTION_VERSION and a rebuild, never a migration. JSON is text (other types would reorder keys and refuse
// U+0000), positions are decimal text, booleans and revisions integers: what every SQL database has.
import { type Kysely, sql } from 'kysely'
import { clustered, indexedPart, isPostgres, textType } from './dialect.js'
import { createFleetTables, type FleetTables } from './fleet-schema.js'
import { createGraphTables, type GraphTables } from './graph-schema.js'

/**
 * Raise it with any change of tables or of what they hold, and with the events' SCHEMA: a stream that was quarantined
 * because of an event is read again only when the rows are made again. A file of another version is discarded and made
 * again; in PostgreSQL each version has a schema of its own.
 */
export const PROJECTION_VERSION = 7

/** One row: how far the projection is, and of which log. */
interface CheckpointTable {
  projection_version: number
  project: string
  position: string
  log_id: string | null
  epoch: number | null
}

/** One row for each id that ever was; what only a living assistant has is null after its deletion. */
export interface AssistantsTable {
  /** Counts the streams in the order of their first events. Stands for the id in the other tables. */
  assistant_no: number
  assistant_id: string
  revision: number
  hash: string
  at: string
  generation: number
  /** The promotion histories, see history.ts. */
  environments: string
  highest: number | null
  created_at: string | null
  /** What `live` points to. */
  live_version: number | null
  updated_at: string | null
  /** 1 when searches show it: it lives and can be read. */
  listed: number
  /** What searches sort and match by: microseconds, and lower-cased texts. */
  created_us: number | null
  name_folded: string | null
  graph_folded: string | null
}

interface VersionsTable {
  assistant_no: number
  generation: number
  version: number
  graph_id: string
  created_at: string
  content: string
}

/** Every promotion there was, and who made it why. `below_revision` is the one that a rollback goes back to. */
interface PromotionsTable {
  assistant_no: number
  environment: string
  revision: number
  generation: number
  version: number
  at: string
  below_revision: number | null
  replaces: number | null
  is_rollback: number
  /** Padded, as the fleet's are. */
  position: string
  guard: string | null
  promoted_by: string
  reason: string | null
  /** When it happened, where that was on another server. */
  imported_at: string | null
}

interface CommandsTable {
  assistant_no: number
  command_id: string
  command_hash: string
  revision: number
  /** What the outcome showed; all null when it was a deletion. */
  generation: number | null
  version: number | null
  updated_at: string | null
}

interface ConfigKeysTable {
  assistant_no: number
  environment: string
  graph_id: string
  state: 'live' | 'deleted' | 'moved'
  moved_to: string | null
  generation: number
  version: number
  revision: number
  position: string
  promoted_at: string
  promoted_by: string
}

/** A row for each term of each listed assistant, in the order in which searches show them by default. */
interface SearchTermsTable {
  term: string
  created_us: number
  assistant_no: number
}

interface GraphsTable {
  graph_id: string
}

interface QuarantineTable {
  stream: string
  revision: number
  reason: string
}

export interface Tables extends FleetTables, GraphTables {
  checkpoint: CheckpointTable
  assistants: AssistantsTable
  versions: VersionsTable
  promotions: PromotionsTable
  commands: CommandsTable
  config_keys: ConfigKeysTable
  search_terms: SearchTermsTable
  graphs: GraphsTable
  quarantine: QuarantineTable
}

/** All tables; the checkpoint is first, because a projection that is under way is waited for there. */
const TABLES = [
  'checkpoint',
  'assistants',
  'versions',
  'promotions',
  'commands',
  'config_keys',
  'search_terms',
  'graphs',
  'quarantine',
  'guards',
  'deletions',
  'fleet_streams',
  'runner_stays',
  'runner_reports',
  'runner_holds',
  'runner_refused',
  'graph_descriptors',
] as const satisfies readonly (keyof Tables)[]

/** Puts the checkpoint back to the start and takes all rows away, in the transaction that it is given. */
export async function clearTables(db: Kysely<Tables>): Promise<void> {
  const [checkpoint, ...rest] = TABLES
  await db.updateTable(checkpoint).set({ position: '0', log_id: null, epoch: null }).execute()
  if (isPostgres(db)) await sql`truncate ${sql.join(rest.map((table) => sql.table(table)))}`.execute(db)
  else for (const table of rest) await db.deleteFrom(table).execute()
}

/** @param ordered whether the orders of searches are made with them; see {@link createOrders} */
export async function createTables(db: Kysely<Tables>, project: string, ordered = true): Promise<void> {
  const { schema } = db
  const text = textType(db)
  await schema
    .createTable('checkpoint')
    .addColumn('projection_version', 'integer', (c) => c.notNull())
    .addColumn('project', text, (c) => c.notNull())
    .addColumn('position', text, (c) => c.notNull())
    .addColumn('log_id', text)
    .addColumn('epoch', 'integer')
    .execute()
  await createAssistants(db)
  if (ordered) await createOrders(db)
  await schema
    .createTable('versions')
    .addColumn('assistant_no', 'integer', (c) => c.notNull())
    .addColumn('generation', 'bigint', (c) => c.notNull())
    .addColumn('version', 'bigint', (c) => c.notNull())
    .addColumn('graph_id', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .addColumn('content', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('versions_pk', ['assistant_no', 'generation', 'version'])
    .execute()
  await schema
    .createTable('promotions')
    .addColumn('assistant_no', 'integer', (c) => c.notNull())
    .addColumn('environment', text, (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('generation', 'bigint', (c) => c.notNull())
    .addColumn('version', 'bigint', (c) => c.notNull())
    .addColumn('at', text, (c) => c.notNull())
    .addColumn('below_revision', 'bigint')
    .addColumn('replaces', 'bigint')
    .addColumn('is_rollback', 'integer', (c) => c.notNull())
    .addColumn('position', text, (c) => c.notNull())
    .addColumn('guard', text)
    .addColumn('promoted_by', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('imported_at', text)
    .addPrimaryKeyConstraint('promotions_pk', ['assistant_no', 'environment', 'revision'])
    .modifyEnd(clustered(db))
    .execute()
  await schema
    .createTable('commands')
    .addColumn('assistant_no', 'integer', (c) => c.notNull())
    .addColumn('command_id', text, (c) => c.notNull())
    .addColumn('command_hash', text, (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('generation', 'bigint')
    .addColumn('version', 'bigint')
    .addColumn('updated_at', text)
    .addPrimaryKeyConstraint('commands_pk', ['assistant_no', 'command_id'])
    .modifyEnd(clustered(db))
    .execute()
  await createPublished(db)
  await createFleetTables(db)
  await createGraphTables(db)
  await db
    .insertInto('checkpoint')
    .values({ projection_version: PROJECTION_VERSION, project, position: '0', log_id: null, epoch: null })
    .execute()
}

async function createAssistants(db: Kysely<Tables>): Promise<void> {
  const { schema } = db
  const text = textType(db)
  await schema
    .createTable('assistants')
    .addColumn('assistant_no', 'integer', (c) => c.primaryKey())
    .addColumn('assistant_id', text, (c) => c.notNull().unique())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('hash', text, (c) => c.notNull())
    .addColumn('at', text, (c) => c.notNull())
    .addColumn('generation', 'bigint', (c) => c.notNull())
    .addColumn('environments', text, (c) => c.notNull())
    .addColumn('highest', 'bigint')
    .addColumn('created_at', text)
    .addColumn('live_version', 'bigint')
    .addColumn('updated_at', text)
    .addColumn('listed', 'integer', (c) => c.notNull())
    .addColumn('created_us', 'bigint')
    .addColumn('name_folded', text)
    .addColumn('graph_folded', text)
    .execute()
  await schema
    .createTable('search_terms')
    .addColumn('term', text, (c) => c.notNull())
    .addColumn('created_us', 'bigint', (c) => c.notNull())
    .addColumn('assistant_no', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('search_terms_pk', ['term', 'created_us', 'assistant_no'])
    .modifyEnd(clustered(db))
    .execute()
}

/** One for each order in which a search without a filter can be asked for; the ids have theirs already. */
export async function createOrders(db: Kysely<Tables>): Promise<void> {
  for (const column of ['created_us', 'updated_at', 'name_folded', 'graph_folded'] as const)
    await db.schema
      .createIndex(`assistants_by_${column}`)
      .ifNotExists()
      .on('assistants')
      .expression(column === 'name_folded' ? indexedPart(db, column) : sql.ref(column))
      .column('assistant_no')
      .where(sql.ref('listed'), '=', sql.lit(1))
      .execute()
}

async function createPublished(db: Kysely<Tables>): Promise<void> {
  const { schema } = db
  const text = textType(db)
  await schema
    .createTable('config_keys')
    .addColumn('assistant_no', 'integer', (c) => c.notNull())
    .addColumn('environment', text, (c) => c.notNull())
    .addColumn('graph_id', text, (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('moved_to', text)
    .addColumn('generation', 'bigint', (c) => c.notNull())
    .addColumn('version', 'bigint', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('position', text, (c) => c.notNull())
    .addColumn('promoted_at', text, (c) => c.notNull())
    .addColumn('promoted_by', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('config_keys_pk', ['assistant_no', 'environment', 'graph_id'])
    .modifyEnd(clustered(db))
    .execute()
  await schema
    .createTable('graphs')
    .addColumn('graph_id', text, (c) => c.primaryKey())
    .execute()
  await schema
    .createTable('quarantine')
    .addColumn('stream', text, (c) => c.primaryKey())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('reason', text, (c) => c.notNull())
    .execute()
}
