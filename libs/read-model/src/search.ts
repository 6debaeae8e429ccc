// Searches: a filter's terms give the candidates straight from the index, in the order that is shown by default. What
// terms cannot tell is checked on the candidates' contents. Neither total nor page reads what does not match.
import type { Content } from '@assistant-ledger/assistant'
import type { Kysely } from 'kysely'
import { inOrder } from './by-id.js'
import { contains } from './contains.js'
import { ResultTooLarge } from './errors.js'
import type { Assistant, AssistantFilter, AssistantSearch, SearchResult } from './read-model.js'
import type { Tables } from './schema.js'
import { MatchStatements, type Order } from './search-statements.js'
import { fill } from './statement.js'
import { type FilterPlan, planOf } from './terms.js'
import { turn } from './turn.js'
import { fits } from './visible.js'

/** Contents that are read, or checked, at once. */
export const CONTENTS_PAGE = 32
/** How many rows of a term are counted, in steps, to find the rarest one. */
const PROBES = [100, 10_000, 1_000_000] as const

const DEFAULT_ORDER: Order = { by: 'created_at', direction: 'desc' }

export class Search {
  private readonly matches: MatchStatements

  constructor(private readonly db: Kysely<Tables>) {
    this.matches = new MatchStatements(db, CONTENTS_PAGE)
  }

  async search(search: AssistantSearch): Promise<SearchResult> {
    const { limit, offset, sort_by, sort_order } = search
    const order: Order = { by: sort_by, direction: sort_order }
    const plan = await this.plan(search)
    if (!plan) return { assistants: [], total: 0 }
    const shown = new Shown(search)
    const total = plan.exact
      ? await this.indexed(plan, order, { limit, offset }, shown)
      : await this.checked(plan, order, { limit, offset }, shown)
    return { total, assistants: shown.assistants }
  }

  async count(filter: AssistantFilter): Promise<number> {
    const plan = await this.plan(filter)
    if (!plan) return 0
    if (plan.exact) return this.total(plan)
    return this.checked(plan, DEFAULT_ORDER, { limit: 0, offset: 0 }, new Shown({}))
  }

  /** The plan with the rarest term of each branch first; undefined when nothing matches. */
  private async plan(filter: AssistantFilter): Promise<FilterPlan | undefined> {
    const plan = planOf(filter)
    if (!plan || plan.branches.every(({ length }) => length < 2)) return plan
    const counts = new Map<string, number>()
    const branches: (readonly string[])[] = []
    for (const branch of plan.branches) {
      const sorted = branch.length < 2 ? branch : await this.rarestFirst(branch, counts)
      if (sorted) branches.push(sorted)
    }
    return branches.length === 0 ? undefined : { ...plan, branches }
  }

  /**
   * Undefined when no row has one of the terms.
   * @param counts what was counted before in this search
   */
  private async rarestFirst(terms: readonly string[], counts: Map<string, number>) {
    for (const most of PROBES) {
      const counted: { term: string; count: number }[] = []
      for (const term of terms) {
        const key = `${most} ${term}`
        const count = counts.get(key) ?? (await this.matches.probe.first(this.db, { term, most }))?.count ?? 0
        counts.set(key, count)
        if (count === 0) return undefined
        counted.push({ term, count })
      }
      counted.sort((one, other) => one.count - other.count)
      if ((counted[0]?.count ?? 0) < most || most === PROBES.at(-1)) return counted.map(({ term }) => term)
    }
    return terms
  }

  private async indexed(plan: FilterPlan, order: Order, page: Page, shown: Shown): Promise<number> {
    if (page.limit > CONTENTS_PAGE) {
      for await (const row of this.contents(await this.numbers(plan, order, page))) {
        const assistant = assistantOf(row)
        // Its owner may have changed since the numbers were read.
        if (!plan.visible || fits(assistant.metadata, plan.visible)) shown.add(row, assistant)
      }
      return this.total(plan)
    }
    const { query, values } = this.matches.page(plan, order)
    const rows = await query.all(this.db, { ...values, ...page })
    for (const row of rows) shown.add(row)
    return rows[0]?.total ?? this.total(plan)
  }

  private async total(plan: FilterPlan): Promise<number> {
    const { query, values } = this.matches.count(plan)
    return (await query.first(this.db, values))?.count ?? 0
  }

  /** Reads every candidate's metadata: for filters that ask for several things in one element of an array. */
  private async checked(
    plan: FilterPlan,
    order: Order,
    { limit, offset }: Page,
    shown: Shown,
  ): Promise<number> {
    let total = 0
    for await (const row of this.contents(await this.numbers(plan, order, EVERYTHING))) {
      const assistant = assistantOf(row)
      if (plan.metadata && !contains(assistant.metadata, plan.metadata)) continue
      if (plan.visible && !fits(assistant.metadata, plan.visible)) continue
      if (total >= offset && total < offset + limit) shown.add(row, assistant)
      total += 1
    }
    return total
  }

  private async numbers(plan: FilterPlan, order: Order, page: Page): Promise<number[]> {
    const { query, values } = this.matches.candidates(plan, order)
    const rows = await query.all(this.db, { ...values, ...page })
    return rows.map(({ assistant_no }) => assistant_no)
  }

  /** The rows of these assistants, in this order, without those that are gone by now. */
  private async *contents(numbers: readonly number[]): AsyncGenerator<ContentRow> {
    for (let next = 0; next < numbers.length; next += CONTENTS_PAGE) {
      const some = numbers.slice(next, next + CONTENTS_PAGE)
      const rows = await this.matches.contents.all(this.db, fill('no', CONTENTS_PAGE, some))
      const found = new Map(rows.map((row) => [row.assistant_no, row]))
      for (const assistantNo of some) {
        const row = found.get(assistantNo)
        if (row) yield row
      }
      await turn()
    }
  }
}

interface Page {
  readonly limit: number
  readonly offset: number
}

const EVERYTHING: Page = { limit: Number.MAX_SAFE_INTEGER, offset: 0 }

interface ContentRow {
  readonly assistant_id: string
  readonly version: number
  readonly content: string
  readonly created_at: string | null
  readonly updated_at: string | null
}

/** Collects what is shown, as long as it may be sent. */
class Shown {
  readonly assistants: Partial<Assistant>[] = []
  private bytes = 0

  constructor(private readonly asked: Pick<AssistantSearch, 'select' | 'mostBytes'>) {}

  /** @throws ResultTooLarge */
  add(row: ContentRow, assistant: Assistant = assistantOf(row)): void {
    const { select, mostBytes = Number.POSITIVE_INFINITY } = this.asked
    const shown = select ? picked(assistant, select) : assistant
    this.bytes += Buffer.byteLength(select ? JSON.stringify(shown) : row.content)
    if (this.bytes > mostBytes) throw new ResultTooLarge(mostBytes)
    this.assistants.push(shown)
  }
}

function assistantOf(row: ContentRow): Assistant {
  return {
    assistant_id: row.assistant_id,
    ...inOrder(JSON.parse(row.content) as Content, row.version),
    created_at: row.created_at ?? '',
    updated_at: row.updated_at ?? '',
  }
}

const picked = (assistant: Assistant, select: readonly (keyof Assistant)[]): Partial<Assistant> =>
  Object.fromEntries(select.map((field) => [field, assistant[field]]))
