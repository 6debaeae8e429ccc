// What a rebuild of the file makes only when all rows are there: the orders of searches, and their terms. Term by term in
// the order of the index they are written once; batch by batch each would go to a page of its own, read and written again
// for every batch.
import type Database from 'better-sqlite3'
import type { Kysely } from 'kysely'
import { createOrders, type Tables } from './schema.js'
import { TermRun } from './term-run.js'
import { eachTerm } from './terms.js'
import { turn } from './turn.js'

/** Assistants that are read at a time. */
const PAGE = 256

type ListedRow = readonly [created: number, no: number, graph: string, nameAndMetadata: string]

export class LateIndexes {
  /** @param pending whether they are still to be made */
  constructor(
    private readonly db: Database.Database,
    private readonly writer: Kysely<Tables>,
    public pending: boolean,
  ) {}

  /**
   * Makes them, if they are still to be made. What was begun and broken off is made from the start.
   * @returns whether they are made; false after the signal
   */
  async make(signal: AbortSignal | undefined): Promise<boolean> {
    if (!this.pending) return true
    this.db.exec('delete from search_terms')
    await createOrders(this.writer)
    const run = new TermRun()
    for await (const [created, no, graph_id, json] of this.listed()) {
      if (signal?.aborted) return false
      if (run.isFull) await run.write(this.db)
      const [name, metadata] = JSON.parse(json)
      run.begin(created, no)
      eachTerm({ graph_id, name, metadata }, run.add)
    }
    await run.write(this.db)
    this.pending = false
    return true
  }

  /** What searches show, in the order in which they show it by default. */
  private async *listed(): AsyncGenerator<ListedRow> {
    // As JSON: as a text of SQL a name would not be every text that JSON can say.
    const page = this.db
      .prepare<[number, number, number], ListedRow>(`
        select a.created_us, a.assistant_no, v.graph_id, json_extract(v.content, '$.name', '$.metadata')
        from assistants a join versions v
          on v.assistant_no = a.assistant_no and v.generation = a.generation and v.version = a.live_version
        where a.listed = 1 and (a.created_us, a.assistant_no) > (?, ?)
        order by a.created_us, a.assistant_no limit ?`)
      .raw()
    let [created, no] = [Number.MIN_SAFE_INTEGER, 0]
    for (;;) {
      const rows = page.all(created, no, PAGE)
      yield* rows
      const last = rows.at(-1)
      if (!last) return
      ;[created, no] = last
      await turn()
    }
  }
}
