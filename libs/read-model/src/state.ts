// The state of an assistant as the tables have it: what a decision is taken on, with the stream's tail folded on top.
import {
  type CommandRecord,
  type Content,
  EMPTY,
  LIVE,
  type Outcome,
  type Pointer,
  type State,
} from '@assistant-ledger/assistant'
import type { Kysely } from 'kysely'
import type { Tables } from './tables.js'
import type { Row } from './working.js'

/** How many steps back a loaded state knows; rollbacks beyond read the stream. */
const LOADED_HISTORY = 8

/** The assistant has an event that this version of the service cannot read. */
export class StreamUnreadable extends Error {
  override readonly name = 'StreamUnreadable'
  constructor(
    readonly assistantId: string,
    readonly revision: bigint,
    reason: string,
  ) {
    super(
      `event ${revision} of assistant ${assistantId} cannot be read by this version of the service: ${reason}`,
    )
  }
}

export async function refuseQuarantined(db: Kysely<Tables>, assistant_id: string): Promise<void> {
  const row = await db
    .selectFrom('quarantine')
    .selectAll()
    .where('assistant_id', '=', assistant_id)
    .executeTakeFirst()
  if (row) throw new StreamUnreadable(assistant_id, BigInt(row.revision), row.reason)
}

export async function loadState(
  db: Kysely<Tables>,
  assistant_id: string,
  commandId?: string,
): Promise<State> {
  const head = await db
    .selectFrom('assistants')
    .selectAll()
    .where('assistant_id', '=', assistant_id)
    .executeTakeFirst()
  const commands = commandId === undefined ? new Map() : await loadCommand(db, assistant_id, commandId)
  await refuseQuarantined(db, assistant_id)
  if (!head) return { ...EMPTY, commands }
  const { revision, hash, at, generation, highest, created_at } = head
  const base = { head: { revision: BigInt(revision), hash, at }, generation, commands }
  if (created_at === null) return { ...base, life: undefined }
  const { environments, contents } = await loadPointers(db, head)
  return { ...base, life: { createdAt: created_at, highest, environments, contents } }
}

async function loadPointers(db: Kysely<Tables>, { assistant_id }: Row<'assistants'>) {
  const rows = await db
    .selectFrom('environments')
    .selectAll()
    .where('assistant_id', '=', assistant_id)
    .execute()
  const environments = new Map<string, Pointer>()
  const contents = new Map<number, Content>()
  for (const row of rows) {
    environments.set(row.environment, await loadHistory(db, row))
    if (row.environment !== LIVE) continue
    const { content } = await db
      .selectFrom('versions')
      .select('content')
      .where('assistant_id', '=', assistant_id)
      .where('generation', '=', row.generation)
      .where('version', '=', row.version)
      .executeTakeFirstOrThrow()
    contents.set(row.version, JSON.parse(content) as Content)
  }
  return { environments, contents }
}

async function loadHistory(
  db: Kysely<Tables>,
  { assistant_id, environment, version, revision, at, depth }: Row<'environments'>,
): Promise<Pointer> {
  const rows =
    depth === 1
      ? []
      : await db
          .selectFrom('promotions')
          .selectAll()
          .where('assistant_id', '=', assistant_id)
          .where('environment', '=', environment)
          .where('depth', '<', depth)
          .where('depth', '>=', depth - LOADED_HISTORY)
          .orderBy('depth')
          .execute()
  let below: Pointer['below'] = depth - 1 > rows.length ? 'not-loaded' : undefined
  for (const row of rows) below = { version: row.version, revision: BigInt(row.revision), at: row.at, below }
  return { version, revision: BigInt(revision), at, below }
}

async function loadCommand(
  db: Kysely<Tables>,
  assistant_id: string,
  command_id: string,
): Promise<Map<string, CommandRecord>> {
  const row = await db
    .selectFrom('commands')
    .selectAll()
    .where('command_id', '=', command_id)
    .where('assistant_id', '=', assistant_id)
    .executeTakeFirst()
  if (!row) return new Map()
  const { generation, version, updated_at, command_hash, revision } = row
  const outcome: Outcome =
    version === null ? { type: 'deleted' } : { type: 'shown', generation, version, updatedAt: updated_at }
  return new Map([[command_id, { commandHash: command_hash, revision: BigInt(revision), outcome }]])
}
