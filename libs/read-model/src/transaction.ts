// A transaction whose statements may be under way together: Kysely's own sends one when the one before it was answered,
// so that the database waits for us as often as we wait for it.
import type { Kysely } from 'kysely'
import type { Tables } from './schema.js'
import type { Runner } from './statement.js'

/** Kysely begins and ends it; the work in between has its connection. No statement may be under way when that ends. */
export const inTransaction = <T>(db: Kysely<Tables>, work: (runner: Runner) => Promise<T>): Promise<T> =>
  db
    .transaction()
    .execute((transaction) => transaction.getExecutor().provideConnection((connection) => work(connection)))
