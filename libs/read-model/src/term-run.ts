// Rows of the search index, gathered to be written in its order: in plain numbers, 8 bytes a row, where arrays of values
// would take ten times that.
import type Database from 'better-sqlite3'
import { turn } from './turn.js'

/** Rows after which a run is full: the more, the fewer times the index is gone through. */
const RUN_ROWS = 2_000_000
/** More rows than one content has characters: what the last assistant of a run may add. Not touched is not in memory. */
const ROOM = 2 ** 20
/** Bytes that its different terms may take, about: their characters, and what it costs to know one again. */
const RUN_TERM_BYTES = 16 * 1024 * 1024
const TERM_BYTES = 64
/** Rows that one statement writes. */
const STATEMENT_ROWS = 64
/** Statements after which others have their turn. */
const STATEMENTS_A_TURN = 256

export class TermRun {
  private readonly numbers = new Map<string, number>()
  private termBytes = 0
  private rows = 0
  private assistants = 0
  /** Of each row: the number of its term, and which assistant of this run it is of. */
  private readonly term = new Uint32Array(RUN_ROWS + ROOM)
  private readonly assistant = new Uint32Array(RUN_ROWS + ROOM)
  /** Of each assistant: when it was created, and its number. Each has a row at least. */
  private readonly created = new Float64Array(RUN_ROWS + ROOM)
  private readonly no = new Uint32Array(RUN_ROWS + ROOM)
  /** Of each term: the assistant that had it last, one further. */
  private readonly last: number[] = []
  /** The assistants of all rows, term by term. Like the others it is there once: memory that is let go stays for a while. */
  private readonly sorted = new Uint32Array(RUN_ROWS + ROOM)

  /** Whether it is time to write it. */
  get isFull(): boolean {
    return this.rows > RUN_ROWS || this.termBytes > RUN_TERM_BYTES
  }

  /** The terms that are added from here on are of this assistant. Assistants come in the order of the index. */
  begin(created: number, no: number): void {
    this.created[this.assistants] = created
    this.no[this.assistants] = no
    this.assistants += 1
  }

  /** Of the same assistant it may come again. */
  readonly add = (term: string): void => {
    let number = this.numbers.get(term)
    if (number === undefined) {
      number = this.numbers.size
      this.numbers.set(term, number)
      this.termBytes += term.length + TERM_BYTES
    } else if (this.last[number] === this.assistants) return
    this.last[number] = this.assistants
    this.term[this.rows] = number
    this.assistant[this.rows] = this.assistants - 1
    this.rows += 1
  }

  /** Writes them, and begins the next run. */
  async write(db: Database.Database): Promise<void> {
    const ofOneTerm = db.prepare(insert('(@term, ?, ?)'))
    const ofAny = db.prepare(insert('(?, ?, ?)'))
    /** What is left of terms after whole statements. It is written soon after, so that the order is kept well enough. */
    let rest: unknown[] = []
    let statements = 0
    db.exec('begin')
    for (const [term, assistants] of this.inOrder()) {
      let at = 0
      for (; at + STATEMENT_ROWS <= assistants.length; at += STATEMENT_ROWS) {
        ofOneTerm.run(this.placesOf(assistants, at), { term })
        if (++statements % STATEMENTS_A_TURN === 0) await turn()
      }
      for (; at < assistants.length; at++) {
        const assistant = assistants[at] as number
        rest.push(term, this.created[assistant], this.no[assistant])
        if (rest.length < STATEMENT_ROWS * 3) continue
        ofAny.run(rest)
        rest = []
        if (++statements % STATEMENTS_A_TURN === 0) await turn()
      }
    }
    if (rest.length > 0) db.prepare(insert('(?, ?, ?)', rest.length / 3)).run(rest)
    db.exec('commit')
    this.numbers.clear()
    this.last.length = 0
    this.termBytes = 0
    this.rows = 0
    this.assistants = 0
  }

  /** When they were created, and their numbers, of as many as one statement writes. */
  private placesOf(assistants: Uint32Array, from: number): number[] {
    const places: number[] = []
    for (let at = from; at < from + STATEMENT_ROWS; at++) {
      const assistant = assistants[at] as number
      places.push(this.created[assistant] as number, this.no[assistant] as number)
    }
    return places
  }

  /** The terms in the order of the index, each with its assistants as they came. */
  private *inOrder(): Generator<readonly [string, Uint32Array]> {
    const terms = [...this.numbers.keys()]
    const order = Uint32Array.from(terms.keys()).sort((a, b) =>
      (terms[a] as string) < (terms[b] as string) ? -1 : 1,
    )
    const count = new Uint32Array(terms.length)
    for (let row = 0; row < this.rows; row++) (count[this.term[row] as number] as number) += 1
    /** Where the next row of each term goes. */
    const next = new Uint32Array(terms.length)
    let before = 0
    for (const number of order) {
      next[number] = before
      before += count[number] as number
    }
    const { sorted } = this
    for (let row = 0; row < this.rows; row++) {
      const number = this.term[row] as number
      sorted[next[number] as number] = this.assistant[row] as number
      ;(next[number] as number) += 1
    }
    let from = 0
    for (const number of order) {
      const through = next[number] as number
      yield [terms[number] as string, sorted.subarray(from, through)]
      from = through
    }
  }
}

/**
 * An insert that ends at a row that cannot be written and leaves those before it: they go with the transaction. SQLite need
 * not keep how it was before the statement.
 */
const insert = (row: string, rows = STATEMENT_ROWS): string =>
  `insert or fail into search_terms (term, created_us, assistant_no) values ${Array(rows).fill(row).join(', ')}`
