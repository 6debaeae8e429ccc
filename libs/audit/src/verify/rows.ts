// The service's read model against one that was projected from the log just now: table by table, and where these
// are not the same row by row, both in the order of their keys.
import { assistantStream } from '@assistant-ledger/assistant'
import {
  type Snapshot,
  type SnapshotRow,
  type SnapshotValue,
  TABLE_KEYS,
  type TableName,
  withoutNul,
} from '@assistant-ledger/read-model'
import type { Findings, Place } from './findings.js'

export interface RowsOptions {
  readonly project: string
  /** The service's. */
  readonly served: Snapshot
  /** What the log gives. */
  readonly folded: Snapshot
  readonly findings: Findings
  readonly signal: AbortSignal
  onProgress(rows: number): void
}

/** Rows after which there is a word on the progress. */
const TOLD_EVERY = 1_000

/** What searches look up: a table that need not be made to be compared. */
const TERMS = 'search_terms'

/** @returns rows of all tables but the terms of searches that were compared */
export async function compareRows(options: RowsOptions): Promise<number> {
  const { served, folded, signal, onProgress } = options
  let rows = 0
  for (const table of Object.keys(TABLE_KEYS) as TableName[]) {
    if (table === TERMS) continue
    const columns = await folded.columns(table)
    const before = rows
    const same = await served.sameRows(table, columns, folded, (done) => {
      signal.throwIfAborted()
      onProgress(before + done)
    })
    rows += same ?? (await new TableComparison(table, columns, options).run())
  }
  return rows
}

/** @returns terms of searches, when they are what the log gives; undefined when they have to be gone through */
export async function sameTerms({
  served,
  folded,
  signal,
  onProgress,
}: RowsOptions): Promise<number | undefined> {
  return served.sameTerms(folded, (rows) => {
    signal.throwIfAborted()
    onProgress(rows)
  })
}

/** @returns terms of searches that were compared, one by one: `folded` has to have them */
export async function compareTerms(options: RowsOptions): Promise<number> {
  return new TableComparison(TERMS, await options.folded.columns(TERMS), options).run()
}

class TableComparison {
  /** Where in a row the parts of its key are. */
  private readonly key: readonly number[]

  constructor(
    private readonly table: TableName,
    private readonly columns: readonly string[],
    private readonly options: RowsOptions,
  ) {
    this.key = TABLE_KEYS[table].map((column) => columns.indexOf(column))
  }

  async run(): Promise<number> {
    const { table, columns } = this
    const { served, folded, signal, onProgress } = this.options
    const theirs = new Rows(served.pages(table, columns))
    const ours = new Rows(folded.pages(table, columns))
    for (let rows = 0; ; rows++) {
      // Asked for only where a page ends: a promise for each row would cost more than the row.
      if (theirs.isAtEnd) await theirs.more()
      if (ours.isAtEnd) await ours.more()
      const [found, wanted] = [theirs.row, ours.row]
      if (!found && !wanted) return rows
      if (rows % TOLD_EVERY === 0) {
        signal.throwIfAborted()
        onProgress(rows)
      }
      const order = !found ? 1 : !wanted ? -1 : this.orderOf(found, wanted)
      if (order < 0) await this.add(found, served, 'the row is there, and the log gives none')
      else if (order > 0) await this.add(wanted, folded, 'the row is missing')
      else {
        const what = this.differenceOf(found as SnapshotRow, wanted as SnapshotRow)
        if (what !== undefined) await this.add(found, served, what)
      }
      if (order <= 0) theirs.next()
      if (order >= 0) ours.next()
    }
  }

  /** Which of two rows comes first; 0 when they have the same key. Texts go by their bytes. */
  private orderOf(a: SnapshotRow, b: SnapshotRow): number {
    for (const at of this.key) {
      const [one, other] = [a[at], b[at]]
      if (one === other) continue
      if (typeof one === 'number' && typeof other === 'number') return one - other
      return Buffer.compare(Buffer.from(String(one)), Buffer.from(String(other)))
    }
    return 0
  }

  private differenceOf(found: SnapshotRow, wanted: SnapshotRow): string | undefined {
    for (let at = 0; at < wanted.length; at++)
      if (found[at] !== wanted[at])
        return `its ${this.columns[at]} is ${shown(found[at])}, and the log gives ${shown(wanted[at])}`
    return undefined
  }

  /** @param snapshot where the row is from */
  private async add(row: SnapshotRow | undefined, snapshot: Snapshot, what: string): Promise<void> {
    const { table } = this
    const { findings } = this.options
    const place = row && findings.keeps('read-model') ? await this.placeOf(row, snapshot) : { table }
    findings.add('read-model', place, what)
  }

  private async placeOf(row: SnapshotRow, snapshot: Snapshot): Promise<Place> {
    const { table, columns, key } = this
    const named = key.map((at) => `${columns[at]}=${row[at]}`).join(' ')
    const value = (column: string) => row[columns.indexOf(column)]
    const number = value('assistant_no')
    const revision = value('revision')
    const id = value('assistant_id') ?? (typeof number === 'number' && (await snapshot.assistantId(number)))
    return {
      table,
      key: named,
      ...(typeof id === 'string' ? { stream: assistantStream(this.options.project, id) } : {}),
      ...(typeof revision === 'number' ? { revision } : {}),
    }
  }
}

const MOST_SHOWN = 80

function shown(value: SnapshotValue | undefined): string {
  const text = JSON.stringify(value ?? null)
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}… (${text.length} characters)` : text
}

/** The rows of a table one by one. What PostgreSQL cannot keep in a text is no difference. */
class Rows {
  private readonly pages: AsyncIterator<readonly SnapshotRow[]>
  private page: readonly SnapshotRow[] = []
  private at = 0
  private done = false

  constructor(pages: AsyncIterable<readonly SnapshotRow[]>) {
    this.pages = pages[Symbol.asyncIterator]()
  }

  get isAtEnd(): boolean {
    return this.at >= this.page.length && !this.done
  }

  get row(): SnapshotRow | undefined {
    const row = this.page[this.at]
    return row?.some(hasNul)
      ? row.map((value) => (typeof value === 'string' ? withoutNul(value) : value))
      : row
  }

  async more(): Promise<void> {
    const { value, done } = await this.pages.next()
    this.page = done ? [] : value
    this.done = done === true
    this.at = 0
  }

  next(): void {
    this.at += 1
  }
}

const hasNul = (value: SnapshotValue): boolean => typeof value === 'string' && value.includes('\0')
