// The tables. Everything here can be deleted and comes back from the log; a change of shape is a new version, which
// is built anew. Nothing that PostgreSQL could not do: text, integers, primary keys, indexes.
import { type Kysely, sql } from 'kysely'

/** The shape and meaning of the tables; a file of another version is built anew. */
export const PROJECTION_VERSION = 1

export interface Tables {
  /** One row: how far the projection is, and of which log. Positions are decimal text. */
  checkpoint: {
    id: number
    projection_version: number
    position: string
    log_id: string | null
    epoch: number
  }
  /** One row an id that ever was: the head of its stream, and the counters of its present life. */
  assistants: {
    assistant_id: string
    revision: number
    hash: string
    at: string
    generation: number
    highest: number
    /** Null while it is deleted. */
    created_at: string | null
  }
  /** Where each environment of an assistant that exists points now. */
  environments: {
    assistant_id: string
    environment: string
    generation: number
    version: number
    graph_id: string
    revision: number
    at: string
    /** How many promotions are on the environment's history, this one included. */
    depth: number
  }
  /** The history that rollbacks walk back: a stack of versions by depth, from 1. */
  promotions: {
    assistant_id: string
    environment: string
    depth: number
    version: number
    revision: number
    at: string
  }
  versions: {
    assistant_id: string
    generation: number
    version: number
    content: string
    content_hash: string
    created_at: string
  }
  /** What each command's first answer showed. */
  commands: {
    command_id: string
    assistant_id: string
    command_hash: string
    revision: number
    /** Null when the answer was that it is deleted. */
    version: number | null
    generation: number
    updated_at: string
  }
  /** The assistants that a search can find, as `live` shows them. */
  live: {
    assistant_id: string
    graph_id: string
    name: string
    name_lower: string
    version: number
    generation: number
    created_at: string
    updated_at: string
  }
  /** The index of search terms; it carries the default sort key, so that a page is read off the index. */
  terms: { term: string; created_at: string; assistant_id: string }
  /** What each key of the config bucket must say: one row for every key that ever was. */
  config_keys: {
    environment: string
    graph_id: string
    assistant_id: string
    state: 'live' | 'deleted' | 'moved'
    moved_to: string | null
    generation: number
    version: number
    revision: number
    position: string
    promoted_at: string
    promoted_by: string
  }
  /** Streams with an event that this version cannot read; nothing after it was projected. */
  quarantine: { assistant_id: string; revision: number; reason: string }
}

const TABLES = [
  `CREATE TABLE checkpoint (id INTEGER PRIMARY KEY, projection_version INTEGER NOT NULL, position TEXT NOT NULL,
     log_id TEXT, epoch INTEGER NOT NULL)`,
  `CREATE TABLE assistants (assistant_id TEXT PRIMARY KEY, revision BIGINT NOT NULL, hash TEXT NOT NULL,
     at TEXT NOT NULL, generation INTEGER NOT NULL, highest INTEGER NOT NULL, created_at TEXT)`,
  `CREATE TABLE environments (assistant_id TEXT NOT NULL, environment TEXT NOT NULL, generation INTEGER NOT NULL,
     version INTEGER NOT NULL, graph_id TEXT NOT NULL, revision BIGINT NOT NULL, at TEXT NOT NULL,
     depth INTEGER NOT NULL, PRIMARY KEY (assistant_id, environment))`,
  `CREATE TABLE promotions (assistant_id TEXT NOT NULL, environment TEXT NOT NULL, depth INTEGER NOT NULL,
     version INTEGER NOT NULL, revision BIGINT NOT NULL, at TEXT NOT NULL,
     PRIMARY KEY (assistant_id, environment, depth))`,
  `CREATE TABLE versions (assistant_id TEXT NOT NULL, generation INTEGER NOT NULL, version INTEGER NOT NULL,
     content TEXT NOT NULL, content_hash TEXT NOT NULL, created_at TEXT NOT NULL,
     PRIMARY KEY (assistant_id, generation, version))`,
  `CREATE TABLE commands (command_id TEXT PRIMARY KEY, assistant_id TEXT NOT NULL, command_hash TEXT NOT NULL,
     revision BIGINT NOT NULL, version INTEGER, generation INTEGER NOT NULL, updated_at TEXT NOT NULL)`,
  `CREATE TABLE live (assistant_id TEXT PRIMARY KEY, graph_id TEXT NOT NULL, name TEXT NOT NULL,
     name_lower TEXT NOT NULL, version INTEGER NOT NULL, generation INTEGER NOT NULL, created_at TEXT NOT NULL,
     updated_at TEXT NOT NULL)`,
  'CREATE INDEX live_created ON live (created_at, assistant_id)',
  `CREATE TABLE terms (term TEXT NOT NULL, created_at TEXT NOT NULL, assistant_id TEXT NOT NULL,
     PRIMARY KEY (term, created_at, assistant_id))`,
  'CREATE INDEX terms_of ON terms (assistant_id)',
  `CREATE TABLE config_keys (environment TEXT NOT NULL, graph_id TEXT NOT NULL, assistant_id TEXT NOT NULL,
     state TEXT NOT NULL, moved_to TEXT, generation INTEGER NOT NULL, version INTEGER NOT NULL,
     revision BIGINT NOT NULL, position TEXT NOT NULL, promoted_at TEXT NOT NULL, promoted_by TEXT NOT NULL,
     PRIMARY KEY (environment, graph_id, assistant_id))`,
  'CREATE INDEX config_keys_of ON config_keys (assistant_id)',
  'CREATE TABLE quarantine (assistant_id TEXT PRIMARY KEY, revision BIGINT NOT NULL, reason TEXT NOT NULL)',
] as const

/** The names of all tables, in which two projections of one log are equal row for row. */
export const TABLE_NAMES = TABLES.flatMap((text) => /^CREATE TABLE (\w+)/.exec(text)?.[1] ?? [])

export async function createTables(db: Kysely<Tables>): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    for (const table of TABLES) await sql.raw(table).execute(transaction)
    await transaction
      .insertInto('checkpoint')
      .values({ id: 1, projection_version: PROJECTION_VERSION, position: '0', log_id: null, epoch: 0 })
      .execute()
  })
}
