// Takes terms out of the search index: in PostgreSQL those of a whole batch at once, in SQLite one assistant's.
import { type Kysely, sql } from 'kysely'
import { isPostgres } from './dialect.js'
import { int8Array, textArray } from './postgres/arrays.js'
import type { Tables } from './schema.js'
import { fill, type Runner, Statement, slot, slots } from './statement.js'

/** Terms that an assistant no longer has. */
export interface GoneTerms {
  readonly created: number
  readonly assistantNo: number
  readonly terms: readonly string[]
}

/** Terms that one statement of SQLite removes. */
const REMOVE_SIZE = 16

export class TermRemover {
  private readonly remove: (runner: Runner, gone: readonly GoneTerms[]) => Promise<void>

  constructor(db: Kysely<Tables>) {
    this.remove = isPostgres(db) ? removeByArrays(db) : removeByLists(db)
  }

  async run(runner: Runner, gone: readonly GoneTerms[]): Promise<void> {
    if (gone.length > 0) await this.remove(runner, gone)
  }
}

function removeByLists(db: Kysely<Tables>) {
  const statement = new Statement(
    db
      .deleteFrom('search_terms')
      .where('term', 'in', slots<string>('term', REMOVE_SIZE))
      .where('created_us', '=', slot<number>('created'))
      .where('assistant_no', '=', slot<number>('assistantNo')),
  )
  return async (runner: Runner, gone: readonly GoneTerms[]) => {
    for (const { created, assistantNo, terms } of gone)
      for (let next = 0; next < terms.length; next += REMOVE_SIZE)
        await statement.run(runner, {
          created,
          assistantNo,
          ...fill('term', REMOVE_SIZE, terms.slice(next, next + REMOVE_SIZE)),
        })
  }
}

function removeByArrays(db: Kysely<Tables>) {
  const arrays = sql`${slot('terms')}::text[], ${slot('created')}::int8[], ${slot('numbers')}::int8[]`
  const statement = new Statement(
    db
      .deleteFrom('search_terms as t')
      .using(sql`unnest(${arrays})`.as<'r'>(sql`r(term, created_us, assistant_no)`) as never)
      .where(sql<boolean>`(t.term, t.created_us, t.assistant_no) = (r.term, r.created_us, r.assistant_no)`),
  )
  return async (runner: Runner, gone: readonly GoneTerms[]) => {
    const rows = gone.flatMap(({ terms, ...at }) => terms.map((term) => ({ term, ...at })))
    await statement.run(runner, {
      terms: textArray(rows.map(({ term }) => term)),
      created: int8Array(rows.map(({ created }) => created)),
      numbers: int8Array(rows.map(({ assistantNo }) => assistantNo)),
    })
  }
}
