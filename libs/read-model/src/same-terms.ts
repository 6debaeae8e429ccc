// Whether a file has the search terms of the assistants in another one, which need not have terms itself. Rows never
// become values here: of each term SQLite writes down where it is found, as one text for some thousand assistants.
import type Database from 'better-sqlite3'
import { attach, isAlike } from './same-rows.js'
import { termsOf } from './terms.js'
import { turn } from './turn.js'

/** Rows that are compared at a time, or those of one assistant more. */
const RUN_ROWS = 131_072
/** Assistants that are read at a time. */
const PAGE = 256

export interface SameTermsOptions {
  /** Of the file that has the terms, in a read transaction. */
  readonly database: Database.Database
  /** The file that has the assistants, which nobody may write to meanwhile. */
  readonly file: string
  onProgress(rows: number): void
}

type ListedRow = readonly [rowid: number, created: number, no: number, graph: string, nameAndMetadata: string]

/** @returns how many terms there are when they are the same, otherwise undefined */
export async function sameTerms({
  database,
  file,
  onProgress,
}: SameTermsOptions): Promise<number | undefined> {
  attach(database, file)
  if (!isAlike(database, 'search_terms')) return undefined
  const there = new TermsThere(database)
  let rows = 0
  let run = new Run()
  for (const page of listed(database)) {
    for (const row of page) run.add(row)
    if (run.rows >= RUN_ROWS) {
      if (!there.has(run)) return undefined
      rows += run.rows
      run = new Run()
      onProgress(rows)
    }
    await turn()
  }
  if (!there.has(run)) return undefined
  rows += run.rows
  onProgress(rows)
  // None is missing: where there are as many, these are all.
  return there.count === rows ? rows : undefined
}

/** What searches show, in the order of the terms' rows. */
function* listed(database: Database.Database): Generator<readonly ListedRow[]> {
  // That order has no index in a file that is not finished. What is temporary may be written by whoever only reads.
  database.exec(`
    pragma temp.cache_size = ${database.pragma('main.cache_size', { simple: true })};
    drop table if exists temp.listed;
    create temp table listed as select created_us, assistant_no, generation, live_version
      from other.assistants where listed = 1 order by created_us, assistant_no`)
  // As JSON: as a text of SQL a name would not be every text that JSON can say.
  const page = database
    .prepare<[number, number], ListedRow>(`
      select l.rowid, l.created_us, l.assistant_no, v.graph_id, json_extract(v.content, '$.name', '$.metadata')
      from temp.listed l cross join other.versions v
        on v.assistant_no = l.assistant_no and v.generation = l.generation and v.version = l.live_version
      where l.rowid > ? order by l.rowid limit ?`)
    .raw()
  for (let rowid = 0; ; ) {
    const rows = page.all(rowid, PAGE)
    const last = rows.at(-1)
    if (!last) return
    yield rows
    ;[rowid] = last
  }
}

/** Some assistants in a row, and which of them each term finds. */
class Run {
  rows = 0
  readonly found = new Map<string, number[]>()
  /** Of each assistant what a row says besides the term, as {@link TermsThere} has SQLite write it. */
  readonly texts: string[] = []
  first: readonly [created: number, no: number] = [0, 0]
  last = this.first

  add([, created, no, graph_id, json]: ListedRow): void {
    const [name, metadata] = JSON.parse(json)
    this.last = [created, no]
    if (this.texts.length === 0) this.first = this.last
    const at = this.texts.push(`${created - this.first[0]} ${no}`) - 1
    for (const term of termsOf({ graph_id, name, metadata })) {
      const found = this.found.get(term)
      if (found) found.push(at)
      else this.found.set(term, [at])
      this.rows += 1
    }
  }
}

class TermsThere {
  private readonly within: Database.Statement<unknown[], string | null>

  constructor(private readonly database: Database.Database) {
    // Quoted, a number of another type is another text. A time of another type is beyond the last one.
    this.within = database
      .prepare<unknown[], string | null>(`
        select group_concat((created_us - cast(? as integer)) || ' ' || quote(assistant_no)) from (
          select created_us, assistant_no from main.search_terms
          where term = ? and (created_us, assistant_no) >= (?, ?) and (created_us, assistant_no) <= (?, ?)
          order by created_us, assistant_no limit ?)`)
      .pluck()
  }

  /** All that there are, of whomever. */
  get count(): number {
    return this.database.prepare<[], number>('select count(*) from main.search_terms').pluck().get() as number
  }

  /** Whether each term finds these assistants, and nobody else between the first and the last of them. */
  has({ found, texts, first, last }: Run): boolean {
    const [from] = first
    for (const [term, ats] of found) {
      const wanted = ats.map((at) => texts[at]).join()
      if (this.within.get(from, term, ...first, ...last, ats.length + 1) !== wanted) return false
    }
    return true
  }
}
