// Searches by the index of terms. Where terms suffice, a page and the total are read off the index; where they do
// not, the candidates that they leave are checked one by one.
import type { Content, JsonObject } from '@assistant-ledger/assistant'
import { type Kysely, sql } from 'kysely'
import { contains } from './contains.js'
import { type Assistant, assistantOf } from './rows.js'
import type { Tables } from './tables.js'
import { GRAM_LETTERS, graphTerm, metadataTerms, nameTerms } from './terms.js'

export const SORT_FIELDS = ['assistant_id', 'created_at', 'updated_at', 'name', 'graph_id'] as const
export const SELECT_FIELDS = [
  'assistant_id',
  'graph_id',
  'name',
  'description',
  'config',
  'context',
  'created_at',
  'updated_at',
  'metadata',
  'version',
] as const

/** What to find: all that is given must match. */
export interface Filter {
  /** Contained in the assistant's metadata, as PostgreSQL's `@>` has it. */
  readonly metadata?: JsonObject
  readonly graph_id?: string
  /** Part of the name, in any case. */
  readonly name?: string
}

export interface Search extends Filter {
  readonly limit: number
  readonly offset: number
  readonly sort_by?: (typeof SORT_FIELDS)[number]
  readonly sort_order?: 'asc' | 'desc'
  readonly select?: readonly (typeof SELECT_FIELDS)[number][]
}

/** A name sorts as a person sorts it, whatever its case. */
const SORT_COLUMN = {
  assistant_id: 'assistant_id',
  created_at: 'created_at',
  updated_at: 'updated_at',
  name: 'name_lower',
  graph_id: 'graph_id',
} as const

/** Rows that are checked at a time where terms do not suffice. */
const CHECKED_AT_A_TIME = 500

interface Found {
  readonly assistant_id: string
  readonly version: number
  readonly created_at: string
  readonly updated_at: string
  readonly content: string
}

export async function search(
  db: Kysely<Tables>,
  wanted: Search,
): Promise<{ assistants: Partial<Assistant>[]; total: number }> {
  const plan = planOf(wanted)
  const { limit, offset } = wanted
  const rows = plan.check
    ? await checked(db, wanted, plan)
    : { page: await page(db, wanted, plan, limit, offset), total: await total(db, plan) }
  return { assistants: rows.page.map((row) => selected(toAssistant(row), wanted.select)), total: rows.total }
}

export async function count(db: Kysely<Tables>, filter: Filter): Promise<number> {
  const plan = planOf(filter)
  if (!plan.check) return total(db, plan)
  return (await checked(db, { ...filter, limit: 0, offset: 0 }, plan)).total
}

interface Plan {
  readonly terms: readonly string[]
  /** Asked for with fewer letters than a term has: looked for in all names. */
  readonly shortName?: string
  readonly check?: (content: Content) => boolean
}

function planOf({ metadata, graph_id, name }: Filter): Plan {
  const terms = new Set<string>()
  if (graph_id !== undefined) terms.add(graphTerm(graph_id))
  const pattern = metadata && metadataTerms(metadata)
  for (const term of pattern?.terms ?? []) terms.add(term)
  const lower = name?.toLowerCase()
  const long = lower !== undefined && lower.length >= GRAM_LETTERS
  if (long) for (const term of nameTerms(lower).terms) terms.add(term)
  const checks: ((content: Content) => boolean)[] = []
  if (metadata && pattern && !pattern.sufficient)
    checks.push((content) => contains(content.metadata, metadata))
  if (long && lower.length > GRAM_LETTERS)
    checks.push((content) => content.name.toLowerCase().includes(lower))
  return {
    terms: [...terms],
    ...(lower !== undefined && !long && lower !== '' ? { shortName: lower } : {}),
    ...(checks.length > 0 ? { check: (content: Content) => checks.every((check) => check(content)) } : {}),
  }
}

/** The rows that have all terms, in order. */
async function page(
  db: Kysely<Tables>,
  wanted: Search,
  plan: Plan,
  limit: number,
  offset: number,
): Promise<Found[]> {
  const { sort_by = 'created_at', sort_order = 'desc' } = wanted
  const direction = sql.raw(sort_order === 'asc' ? 'ASC' : 'DESC')
  const [first] = plan.terms
  // The term index is in order of creation already; any other order sorts what the terms leave.
  const key =
    sort_by === 'created_at' && first !== undefined
      ? sql.ref('t.created_at')
      : sql.ref(`l.${SORT_COLUMN[sort_by]}`)
  const id = first !== undefined ? sql.ref('t.assistant_id') : sql.ref('l.assistant_id')
  const { rows } = await sql<Found>`
    SELECT l.assistant_id, l.version, l.created_at, l.updated_at, v.content
    FROM ${from(plan)} JOIN versions v
      ON v.assistant_id = l.assistant_id AND v.generation = l.generation AND v.version = l.version
    WHERE ${where(plan)}
    ORDER BY ${key} ${direction}, ${id} ${direction} LIMIT ${limit} OFFSET ${offset}`.execute(db)
  return rows
}

async function total(db: Kysely<Tables>, plan: Plan): Promise<number> {
  const source = plan.shortName === undefined && plan.terms.length > 0 ? sql`terms t` : from(plan)
  const { rows } = await sql<{
    total: number
  }>`SELECT count(*) AS total FROM ${source} WHERE ${where(plan)}`.execute(db)
  return Number(rows[0]?.total ?? 0)
}

const from = (plan: Plan) =>
  plan.terms.length > 0 ? sql`terms t JOIN live l ON l.assistant_id = t.assistant_id` : sql`live l`

function where({ terms, shortName }: Plan) {
  const [first, ...others] = terms
  const all = [first === undefined ? sql`1 = 1` : sql`t.term = ${first}`]
  for (const term of others)
    all.push(sql`EXISTS (SELECT 1 FROM terms o WHERE o.term = ${term}
      AND o.created_at = t.created_at AND o.assistant_id = t.assistant_id)`)
  if (shortName !== undefined) all.push(sql`l.name_lower LIKE ${`%${likeLiteral(shortName)}%`} ESCAPE '!'`)
  return sql.join(all, sql` AND `)
}

const likeLiteral = (text: string): string => text.replace(/[!%_]/g, (character) => `!${character}`)

async function checked(
  db: Kysely<Tables>,
  wanted: Search,
  plan: Plan,
): Promise<{ page: Found[]; total: number }> {
  const found: Found[] = []
  let matches = 0
  for (let from = 0; ; from += CHECKED_AT_A_TIME) {
    const candidates = await page(db, wanted, plan, CHECKED_AT_A_TIME, from)
    for (const row of candidates) {
      if (!plan.check?.(JSON.parse(row.content) as Content)) continue
      if (matches >= wanted.offset && found.length < wanted.limit) found.push(row)
      matches += 1
    }
    if (candidates.length < CHECKED_AT_A_TIME) return { page: found, total: matches }
  }
}

const toAssistant = ({ assistant_id, version, content, created_at, updated_at }: Found): Assistant =>
  assistantOf(assistant_id, version, JSON.parse(content) as Content, created_at, updated_at)

function selected(assistant: Assistant, fields: Search['select']): Partial<Assistant> {
  return fields ? Object.fromEntries(fields.map((field) => [field, assistant[field]])) : assistant
}
