// Rows of the search index, gathered to be written in its order: in plain numbers, 20 bytes a row, where arrays of values
// would take ten times that.
import type Database from 'better-sqlite3'
import { turn } from './turn.js'

/** Rows after which a run is full: the more, the fewer times the index is gone through. */
const RUN_ROWS = 1_000_000
/** More rows than one content has characters: what the last assistant of a run may add. Not touched is not in memory. */
const ROOM = 2 ** 20
/** Characters of its different terms. */
const RUN_CHARACTERS = 8 * 1024 * 1024
/** Rows that one statement writes. */
const STATEMENT_ROWS = 64
/** Statements after which others have their turn. */
const STATEMENTS_A_TURN = 256

export class TermRun {
  private readonly numbers = new Map<string, number>()
  private characters = 0
  private used = 0
  /** Of each row: the number of its term, when its assistant was created, and that one's number. */
  private readonly term = new Uint32Array(RUN_ROWS + ROOM)
  private readonly created = new Float64Array(RUN_ROWS + ROOM)
  private readonly no = new Uint32Array(RUN_ROWS + ROOM)

  /** Whether it is time to write it. */
  get isFull(): boolean {
    return this.used > RUN_ROWS || this.characters > RUN_CHARACTERS
  }

  /** Rows have to come in the order of the last two. */
  add(term: string, created: number, no: number): void {
    let number = this.numbers.get(term)
    if (number === undefined) {
      number = this.numbers.size
      this.numbers.set(term, number)
      this.characters += term.length
    }
    this.term[this.used] = number
    this.created[this.used] = created
    this.no[this.used] = no
    this.used += 1
  }

  async write(db: Database.Database): Promise<void> {
    const many = db.prepare(insert(STATEMENT_ROWS))
    const terms = [...this.numbers.keys()]
    const rows = this.inOrder(terms)
    let values: unknown[] = []
    let statements = 0
    db.exec('begin')
    for (const row of rows) {
      values.push(terms[this.term[row] as number], this.created[row], this.no[row])
      if (values.length < STATEMENT_ROWS * 3) continue
      many.run(values)
      values = []
      if (++statements % STATEMENTS_A_TURN === 0) await turn()
    }
    if (values.length > 0) db.prepare(insert(values.length / 3)).run(values)
    db.exec('commit')
  }

  /** The rows by their terms; those of one term as they came. */
  private inOrder(terms: readonly string[]): Uint32Array {
    const order = Uint32Array.from(terms.keys()).sort((a, b) =>
      (terms[a] as string) < (terms[b] as string) ? -1 : 1,
    )
    const count = new Uint32Array(terms.length)
    for (let row = 0; row < this.used; row++) (count[this.term[row] as number] as number) += 1
    /** Where the next row of each term goes. */
    const next = new Uint32Array(terms.length)
    let before = 0
    for (const number of order) {
      next[number] = before
      before += count[number] as number
    }
    const rows = new Uint32Array(this.used)
    for (let row = 0; row < this.used; row++) {
      const number = this.term[row] as number
      const at = next[number] as number
      rows[at] = row
      next[number] = at + 1
    }
    return rows
  }
}

const insert = (rows: number): string =>
  `insert into search_terms (term, created_us, assistant_no) values ${Array(rows).fill('(?, ?, ?)').join(', ')}`
