// One batch of events, one transaction: rows and checkpoint, or nothing.
import {
  assistantIdOf,
  type Content,
  evolveLedger,
  type Ledger,
  LIVE,
  type Recorded,
  readEvent,
  UnreadableEvent,
} from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { Transaction } from 'kysely'
import type { Tables } from './tables.js'
import { termsOf } from './terms.js'
import { type Row, Working } from './working.js'

/** Another projection moved the checkpoint: this one has lost its lead and must stop. */
export class CheckpointMoved extends Error {
  override readonly name = 'CheckpointMoved'
}

export interface Checkpoint {
  readonly position: bigint
  readonly ledger: Ledger | undefined
}

/** Rows of one insert at most: SQLite and PostgreSQL both limit the parameters of a statement. */
const ROWS_A_STATEMENT = 500

/** Applies events up to `through` on top of `from`; returns where the projection is then. */
export async function applyBatch(
  db: Transaction<Tables>,
  events: readonly RecordedEvent[],
  from: Checkpoint,
  through: bigint,
): Promise<Checkpoint> {
  let { ledger } = from
  const touched = new Map<string, Working>()
  const quarantined = new Set<string>()
  for (const recorded of events) {
    if (recorded.position <= from.position) continue
    const assistantId = assistantIdOf(recorded.stream)
    if (assistantId === undefined) {
      ledger = evolveLedger(ledger, recorded)
      continue
    }
    if (quarantined.has(assistantId)) continue
    const working = touched.get(assistantId) ?? (await load(db, assistantId))
    if (!working) {
      quarantined.add(assistantId)
      continue
    }
    touched.set(assistantId, working)
    const event = await readOrQuarantine(db, assistantId, recorded)
    if (event) await working.apply(event, recorded.position)
    else quarantined.add(assistantId)
  }
  await write(db, [...touched.values()])
  await moveCheckpoint(db, from, { position: through, ledger })
  return { position: through, ledger }
}

async function readOrQuarantine(
  db: Transaction<Tables>,
  assistant_id: string,
  stored: RecordedEvent,
): Promise<Recorded | undefined> {
  try {
    return readEvent(stored)
  } catch (error) {
    if (!(error instanceof UnreadableEvent)) throw error
    await db
      .insertInto('quarantine')
      .values({ assistant_id, revision: Number(error.revision), reason: error.why })
      .onConflict((conflict) => conflict.column('assistant_id').doNothing())
      .execute()
    return undefined
  }
}

/** What is known of an assistant, undefined when its stream is quarantined. */
async function load(db: Transaction<Tables>, assistant_id: string): Promise<Working | undefined> {
  const quarantine = await db
    .selectFrom('quarantine')
    .select('revision')
    .where('assistant_id', '=', assistant_id)
    .executeTakeFirst()
  if (quarantine) return undefined
  const head = await db
    .selectFrom('assistants')
    .selectAll()
    .where('assistant_id', '=', assistant_id)
    .executeTakeFirst()
  const rows = head
    ? await db.selectFrom('environments').selectAll().where('assistant_id', '=', assistant_id).execute()
    : []
  const graphOf = async (generation: number, version: number): Promise<string> => {
    const { content } = await db
      .selectFrom('versions')
      .select('content')
      .where('assistant_id', '=', assistant_id)
      .where('generation', '=', generation)
      .where('version', '=', version)
      .executeTakeFirstOrThrow()
    return (JSON.parse(content) as Content).graph_id
  }
  return new Working(assistant_id, head, new Map(rows.map((row) => [row.environment, row])), graphOf)
}

async function write(db: Transaction<Tables>, all: readonly Working[]): Promise<void> {
  await insert(
    db,
    'versions',
    all.flatMap(({ versions }) => versions),
  )
  for (const working of all) {
    await cutHistories(db, working)
    if (working.liveChanged) await writeLive(db, working)
  }
  await upsert(
    db,
    'assistants',
    all.flatMap(({ head }) => head ?? []),
  )
  await upsert(
    db,
    'environments',
    all.flatMap(({ environments }) => [...environments.values()]),
  )
  await upsert(
    db,
    'promotions',
    all.flatMap(({ promotions }) => [...promotions.values()]),
  )
  await upsert(
    db,
    'config_keys',
    all.flatMap(({ keys }) => [...keys.values()]),
  )
  await upsert(
    db,
    'commands',
    all.flatMap(({ commands }) => [...commands.values()]),
  )
}

async function cutHistories(db: Transaction<Tables>, { assistantId, cleared, cut }: Working): Promise<void> {
  if (cleared) {
    await db.deleteFrom('environments').where('assistant_id', '=', assistantId).execute()
    await db.deleteFrom('promotions').where('assistant_id', '=', assistantId).execute()
  }
  for (const [environment, depth] of cut)
    await db
      .deleteFrom('promotions')
      .where('assistant_id', '=', assistantId)
      .where('environment', '=', environment)
      .where('depth', '>=', depth)
      .execute()
}

/** Brings the search's row and terms to what `live` shows. */
async function writeLive(
  db: Transaction<Tables>,
  { assistantId: assistant_id, environments, head }: Working,
): Promise<void> {
  const pointer = environments.get(LIVE)
  const known = await db
    .selectFrom('live')
    .selectAll()
    .where('assistant_id', '=', assistant_id)
    .executeTakeFirst()
  if (!pointer || !head?.created_at) {
    if (!known) return
    await db.deleteFrom('terms').where('assistant_id', '=', assistant_id).execute()
    await db.deleteFrom('live').where('assistant_id', '=', assistant_id).execute()
    return
  }
  const content = await contentOf(db, assistant_id, pointer)
  const before = known && (await contentOf(db, assistant_id, known))
  const { created_at } = head
  const terms = termsOf(content)
  const stale = before && known.created_at === created_at ? termsOf(before) : new Set<string>()
  if (known && known.created_at !== created_at)
    await db.deleteFrom('terms').where('assistant_id', '=', assistant_id).execute()
  const gone = [...stale].filter((term) => !terms.has(term))
  if (gone.length > 0)
    await db.deleteFrom('terms').where('assistant_id', '=', assistant_id).where('term', 'in', gone).execute()
  await insert(
    db,
    'terms',
    [...terms].filter((term) => !stale.has(term)).map((term) => ({ term, created_at, assistant_id })),
  )
  const { graph_id, name } = content
  const { version, generation, at: updated_at } = pointer
  const name_lower = name.toLowerCase()
  await upsert(db, 'live', [
    { assistant_id, graph_id, name, name_lower, version, generation, created_at, updated_at },
  ])
}

async function contentOf(
  db: Transaction<Tables>,
  assistant_id: string,
  of: { generation: number; version: number },
): Promise<Content> {
  const { content } = await db
    .selectFrom('versions')
    .select('content')
    .where('assistant_id', '=', assistant_id)
    .where('generation', '=', of.generation)
    .where('version', '=', of.version)
    .executeTakeFirstOrThrow()
  return JSON.parse(content) as Content
}

async function moveCheckpoint(db: Transaction<Tables>, from: Checkpoint, to: Checkpoint): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('checkpoint')
    .set({ position: String(to.position), log_id: to.ledger?.logId ?? null, epoch: to.ledger?.epoch ?? 0 })
    .where('id', '=', 1)
    .where('position', '=', String(from.position))
    .executeTakeFirst()
  if (numUpdatedRows !== 1n) throw new CheckpointMoved(`the checkpoint is no longer at ${from.position}`)
}

async function insert<T extends keyof Tables>(
  db: Transaction<Tables>,
  table: T,
  rows: readonly Row<T>[],
): Promise<void> {
  for (let i = 0; i < rows.length; i += ROWS_A_STATEMENT)
    await db
      .insertInto(table)
      .values(rows.slice(i, i + ROWS_A_STATEMENT) as never)
      .execute()
}

/** The columns by which a table's rows are told apart. */
const KEYS = {
  assistants: ['assistant_id'],
  environments: ['assistant_id', 'environment'],
  promotions: ['assistant_id', 'environment', 'depth'],
  config_keys: ['environment', 'graph_id', 'assistant_id'],
  commands: ['command_id'],
  live: ['assistant_id'],
} as const satisfies Partial<Record<keyof Tables, readonly string[]>>

async function upsert<T extends keyof typeof KEYS>(
  db: Transaction<Tables>,
  table: T,
  rows: readonly Row<T>[],
): Promise<void> {
  const keys: readonly string[] = KEYS[table]
  const [first] = rows
  if (!first) return
  const columns = Object.keys(first).filter((column) => !keys.includes(column))
  for (let i = 0; i < rows.length; i += ROWS_A_STATEMENT)
    await db
      .insertInto(table)
      .values(rows.slice(i, i + ROWS_A_STATEMENT) as never)
      .onConflict((conflict) =>
        conflict
          .columns(keys as never)
          .doUpdateSet(((eb: { ref(name: string): unknown }) =>
            Object.fromEntries(columns.map((column) => [column, eb.ref(`excluded.${column}`)]))) as never),
      )
      .execute()
}
