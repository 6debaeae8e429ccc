// The queries of searches: one for each shape of filter and order, compiled when it is first asked for.
import { type Compilable, type Kysely, type SelectQueryBuilder, sql } from 'kysely'
import { indexedPart, isPostgres } from './dialect.js'
import type { SortField } from './read-model.js'
import type { Tables } from './schema.js'
import { Statement, slot, slots } from './statement.js'
import type { FilterPlan } from './terms.js'

export interface Order {
  readonly by: SortField
  readonly direction: 'asc' | 'desc'
}

/** What each order sorts by; equal ones stand in the order of their assistants' first events. */
const SORT_COLUMNS = {
  assistant_id: 'assistant_id',
  created_at: 'created_us',
  updated_at: 'updated_at',
  name: 'name_folded',
  graph_id: 'graph_folded',
} as const satisfies Record<SortField, string>

interface PageRow {
  readonly assistant_id: string
  readonly version: number
  readonly content: string
  readonly created_at: string | null
  readonly updated_at: string | null
  readonly total: number | null
}

/** Number and sort key of each match; which tables they come from depends on the plan. */
type Matches = SelectQueryBuilder<Tables, never, { assistant_no: number; sort: unknown }>

/** A query and the values of its slots. */
interface Bound<Row> {
  readonly query: Statement<Row>
  readonly values: Record<string, unknown>
}

export class MatchStatements {
  readonly probe: Statement<{ count: number }>
  readonly contents: ReturnType<typeof contentsStatement>
  private readonly compiled = new Map<string, Statement<unknown>>()

  constructor(
    private readonly db: Kysely<Tables>,
    contentsPage: number,
  ) {
    this.probe = new Statement(
      db
        .selectFrom(
          db
            .selectFrom('search_terms')
            .select('assistant_no')
            .where('term', '=', slot<string>('term'))
            .limit(slot<number>('most'))
            .as('some'),
        )
        .select(({ fn }) => fn.countAll<number>().as('count')),
    )
    this.contents = contentsStatement(db, contentsPage)
  }

  /** One page of the matches, each row with the total of all. */
  page(plan: FilterPlan, order: Order): Bound<PageRow> {
    const column = SORT_COLUMNS[order.by]
    return this.bound(`page ${order.by} ${order.direction}`, plan, () =>
      this.db
        .selectFrom(
          this.matchesInOrder(plan, order)
            .limit(slot<number>('limit'))
            .offset(slot<number>('offset'))
            .as('p'),
        )
        .innerJoin('assistants as a', 'a.assistant_no', 'p.assistant_no')
        .innerJoin('versions as v', (join) =>
          join
            .onRef('v.assistant_no', '=', 'a.assistant_no')
            .onRef('v.generation', '=', 'a.generation')
            .onRef('v.version', '=', 'a.live_version'),
        )
        .select(['a.assistant_id', 'v.version', 'v.content', 'a.created_at', 'a.updated_at'])
        .select(this.counted(plan).as('total'))
        .orderBy(sql.ref(`a.${column}`), order.direction)
        .orderBy('a.assistant_no', order.direction),
    )
  }

  count(plan: FilterPlan): Bound<{ readonly count: number }> {
    return this.bound('count', plan, () => this.counted(plan))
  }

  /** The numbers of one page of the matches, in order. */
  candidates(plan: FilterPlan, order: Order): Bound<{ readonly assistant_no: number }> {
    return this.bound(`candidates ${order.by} ${order.direction}`, plan, () =>
      this.matchesInOrder(plan, order).limit(slot<number>('limit')).offset(slot<number>('offset')),
    )
  }

  private counted(plan: FilterPlan) {
    return this.db
      .selectFrom(this.source(plan, undefined).as('m'))
      .select(({ fn }) => fn.countAll<number>().as('count'))
  }

  private matchesInOrder(plan: FilterPlan, order: Order) {
    const { db } = this
    const { direction } = order
    // Names may be longer than an index takes: its part of them narrows what is left to be sorted.
    const partly = order.by === 'name' && isPostgres(db)
    return db
      .selectFrom(this.source(plan, order).as('m'))
      .select(['m.assistant_no', 'm.sort'])
      .$if(partly, (query) => query.orderBy(indexedPart(db, 'm.sort'), direction))
      .orderBy('m.sort', direction)
      .orderBy('m.assistant_no', direction)
  }

  private source(plan: FilterPlan, order: Order | undefined): Matches {
    return this.untypedSource(plan, order) as unknown as Matches
  }

  private untypedSource(plan: FilterPlan, order: Order | undefined) {
    const { db } = this
    const column = order && SORT_COLUMNS[order.by]
    const named = plan.name !== undefined
    const unfiltered = plan.branches.every(({ length }) => length === 0)
    if (unfiltered && plan.prefix === undefined)
      return (
        db
          .selectFrom('assistants as a')
          .select(['a.assistant_no', sql<unknown>`${sql.ref(`a.${column ?? 'created_us'}`)}`.as('sort')])
          // A literal, so that the indexes of listed assistants serve.
          .where('a.listed', '=', sql.lit(1))
          .$if(named, (query) => query.where(nameCheck()))
      )
    const found = unfiltered ? this.withPrefix() : this.withBranches(plan.branches)
    const source = db.selectFrom(found.as('t'))
    if (!named && (column === undefined || column === 'created_us'))
      return source.select(['t.assistant_no', sql<unknown>`${sql.ref('t.created_us')}`.as('sort')])
    return source
      .innerJoin('assistants as a', 'a.assistant_no', 't.assistant_no')
      .select(['t.assistant_no', sql<unknown>`${sql.ref(`a.${column ?? 'created_us'}`)}`.as('sort')])
      .$if(named, (query) => query.where(nameCheck()))
  }

  /** Each match once, whichever of the branches it is in. */
  private withBranches(branches: FilterPlan['branches']) {
    const [first, ...others] = branches.map(({ length }, branch) => this.withTerms(branch, length))
    let query = first ?? this.withTerms(0, 1)
    for (const other of others) query = query.union(other)
    return query
  }

  private withTerms(branch: number, count: number) {
    let query = this.db
      .selectFrom('search_terms as t0')
      .select(['t0.created_us', 't0.assistant_no'])
      .where('t0.term', '=', slot<string>(termSlot(branch, 0)))
    for (let index = 1; index < count; index++)
      query = query.where(({ exists, selectFrom }) =>
        exists(
          selectFrom('search_terms as o')
            .select('o.assistant_no')
            .where('o.term', '=', slot<string>(termSlot(branch, index)))
            .whereRef('o.created_us', '=', 't0.created_us')
            .whereRef('o.assistant_no', '=', 't0.assistant_no'),
        ),
      )
    return query
  }

  private withPrefix() {
    return this.db
      .selectFrom('search_terms')
      .select(['created_us', 'assistant_no'])
      .distinct()
      .where('term', '>=', slot<string>('prefix'))
      .where('term', '<', slot<string>('beyond'))
  }

  private bound<Row>(kind: string, plan: FilterPlan, query: () => Compilable<Row>): Bound<Row> {
    const { branches, prefix, name } = plan
    const lengths = branches.map(({ length }) => length).join()
    const shape = `${kind} ${lengths} ${prefix === undefined} ${name === undefined}`
    let statement = this.compiled.get(shape)
    if (!statement) {
      statement = new Statement<unknown>(query())
      if (this.compiled.size >= MOST_COMPILED) this.compiled.clear()
      this.compiled.set(shape, statement)
    }
    const values: Record<string, unknown> = {}
    branches.forEach((terms, branch) => {
      terms.forEach((term, index) => {
        values[termSlot(branch, index)] = term
      })
    })
    if (prefix !== undefined) Object.assign(values, { prefix, beyond: `${prefix}${LAST_CHARACTER}` })
    if (name !== undefined) values.name = `%${name.replace(/[\\%_]/g, '\\$&')}%`
    return { query: statement as Statement<Row>, values }
  }
}

/** Queries that are kept compiled; past them all are compiled anew. */
const MOST_COMPILED = 1000

const termSlot = (branch: number, index: number): string => `term${branch}_${index}`

const LAST_CHARACTER = '\u{10FFFF}'

/** Both sides are lower-cased already; what LIKE itself makes of case does not matter. */
const nameCheck = () => sql<boolean>`a.name_folded like ${slot<string>('name')} escape '\\'`

function contentsStatement(db: Kysely<Tables>, size: number) {
  return new Statement(
    db
      .selectFrom('assistants as a')
      .innerJoin('versions as v', (join) =>
        join
          .onRef('v.assistant_no', '=', 'a.assistant_no')
          .onRef('v.generation', '=', 'a.generation')
          .onRef('v.version', '=', 'a.live_version'),
      )
      .select(['a.assistant_no', 'a.assistant_id', 'v.version', 'v.content', 'a.created_at', 'a.updated_at'])
      .where('a.listed', '=', sql.lit(1))
      .where('a.assistant_no', 'in', slots<number>('no', size)),
  )
}
