// What the two databases have to be told differently. Everything else is one schema and one set of queries.
import { type Kysely, PostgresAdapter, type RawBuilder, sql } from 'kysely'

type AnyDatabase = Pick<Kysely<unknown>, 'getExecutor'>

export const isPostgres = (db: AnyDatabase): boolean => db.getExecutor().adapter instanceof PostgresAdapter

/** A text that is compared byte by byte, as SQLite does unasked: a language's order is another on each machine. */
export const textType = (db: AnyDatabase): 'text' | RawBuilder<unknown> =>
  isPostgres(db) ? sql`text collate "C"` : 'text'

/** Ends a table whose rows are stored in the order of its primary key. In PostgreSQL that is the index anyway. */
export const clustered = (db: AnyDatabase): RawBuilder<unknown> =>
  isPostgres(db) ? sql`` : sql`without rowid`

/** Characters of a text that stand in an index: PostgreSQL takes 2,704 bytes of all of an entry's columns. */
const INDEXED_CHARACTERS = 256

/** What an index and a sort by a text of any length begin with. */
export const indexedPart = (db: AnyDatabase, column: string): RawBuilder<unknown> =>
  isPostgres(db)
    ? sql`substr(${sql.ref(column)}, 1, ${sql.lit(INDEXED_CHARACTERS)})`
    : sql`${sql.ref(column)}`

/** What tells a table from the one that takes its place under the same name: its object id in PostgreSQL; a file is one's own. */
export const madeOf = (db: AnyDatabase, table?: string): RawBuilder<number> => {
  if (!isPostgres(db)) return sql<number>`0`
  return table === undefined
    ? sql<number>`tableoid::int8`
    : sql<number>`${sql.ref(`${table}.tableoid`)}::int8`
}
