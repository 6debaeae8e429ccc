// The read side: what was projected of the log, how far it is, and the questions it answers.
import { type Actor, type Content, type Ledger, LIVE, type State } from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { Kysely } from 'kysely'
import { applyBatch, type Checkpoint } from './apply.js'
import { contains } from './contains.js'
import {
  type Assistant,
  type AssistantVersion,
  assistantOf,
  type ConfigKey,
  type VersionRow,
  versionOf,
} from './rows.js'
import { count, type Filter, type Search, search } from './search.js'
import { loadState, refuseQuarantined } from './state.js'
import type { Tables } from './tables.js'

/** Keys read at a time, and versions checked at a time. */
const PAGE = 500

interface Waiter {
  readonly position: bigint
  readonly done: (reached: boolean) => void
}

export class ReadModel {
  private readonly waiters = new Set<Waiter>()
  private readonly listeners = new Set<(position: bigint) => void>()

  private constructor(
    private readonly writer: Kysely<Tables>,
    private readonly db: Kysely<Tables>,
    private checkpoint: Checkpoint,
  ) {}

  static async over(writer: Kysely<Tables>, reader: Kysely<Tables>): Promise<ReadModel> {
    const row = await reader.selectFrom('checkpoint').selectAll().executeTakeFirstOrThrow()
    const ledger = row.log_id === null ? undefined : { logId: row.log_id, epoch: row.epoch }
    return new ReadModel(writer, reader, { position: BigInt(row.position), ledger })
  }

  /** Everything up to here is in the tables; 0n at the start. */
  get position(): bigint {
    return this.checkpoint.position
  }

  /** Which log was projected; undefined until its first event was. */
  get ledger(): Ledger | undefined {
    return this.checkpoint.ledger
  }

  /** Resolves true when `position` is projected, false when that takes longer than `timeoutMs`. */
  reached(position: bigint, timeoutMs: number): Promise<boolean> {
    if (position <= this.position) return Promise.resolve(true)
    return new Promise((resolve) => {
      const timer = setTimeout(() => waiter.done(false), timeoutMs)
      const waiter: Waiter = {
        position,
        done: (reached) => {
          clearTimeout(timer)
          this.waiters.delete(waiter)
          resolve(reached)
        },
      }
      this.waiters.add(waiter)
    })
  }

  /** Calls the listener after every batch; returns what ends that. */
  onAdvance(listener: (position: bigint) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /**
   * Applies a batch in one transaction, rows and checkpoint.
   * @throws CheckpointMoved another projection writes to these tables
   * @throws RevisionGap an event is missing
   */
  async apply(events: readonly RecordedEvent[], through: bigint): Promise<void> {
    if (through <= this.position) return
    const from = this.checkpoint
    this.checkpoint = await this.writer
      .transaction()
      .execute((transaction) => applyBatch(transaction, events, from, through))
    for (const waiter of [...this.waiters]) if (waiter.position <= through) waiter.done(true)
    for (const listener of this.listeners) listener(through)
  }

  /** @throws StreamUnreadable */
  loadState(assistantId: string, commandId?: string): Promise<State> {
    return loadState(this.db, assistantId, commandId)
  }

  async content(assistantId: string, generation: number, version: number) {
    const row = await this.versionRow(assistantId, generation, version)
    return (
      row && {
        content: JSON.parse(row.content) as Content,
        contentHash: row.content_hash,
        createdAt: row.created_at,
      }
    )
  }

  /**
   * What an environment shows of an assistant, and the revision of its stream.
   * @throws StreamUnreadable
   */
  async assistant(
    assistantId: string,
    environment = LIVE,
  ): Promise<{ assistant: Assistant; revision: bigint } | undefined> {
    const row = await this.db
      .selectFrom('environments as e')
      .innerJoin('assistants as a', 'a.assistant_id', 'e.assistant_id')
      .innerJoin('versions as v', (join) =>
        join
          .onRef('v.assistant_id', '=', 'e.assistant_id')
          .onRef('v.generation', '=', 'e.generation')
          .onRef('v.version', '=', 'e.version'),
      )
      .select(['a.revision', 'a.created_at', 'e.version', 'e.at', 'v.content'])
      .where('e.assistant_id', '=', assistantId)
      .where('e.environment', '=', environment)
      .executeTakeFirst()
    await refuseQuarantined(this.db, assistantId)
    if (!row || row.created_at === null) return undefined
    const content = JSON.parse(row.content) as Content
    return {
      assistant: assistantOf(assistantId, row.version, content, row.created_at, row.at),
      revision: BigInt(row.revision),
    }
  }

  /** The assistant as a command's answer showed it. */
  async answerAt(
    assistantId: string,
    generation: number,
    version: number,
    updatedAt: string,
  ): Promise<Assistant | undefined> {
    const row = await this.versionRow(assistantId, generation, version)
    const first = version === 1 ? row : await this.versionRow(assistantId, generation, 1)
    if (!row || !first) return undefined
    return assistantOf(assistantId, version, JSON.parse(row.content) as Content, first.created_at, updatedAt)
  }

  search(wanted: Search): Promise<{ assistants: Partial<Assistant>[]; total: number }> {
    return search(this.db, wanted)
  }

  count(filter: Filter): Promise<number> {
    return count(this.db, filter)
  }

  /** The versions of the present life, newest first; empty when there is none that matches. */
  async versions(
    assistantId: string,
    { metadata, limit, offset }: { metadata?: Filter['metadata']; limit: number; offset: number },
  ): Promise<AssistantVersion[]> {
    await refuseQuarantined(this.db, assistantId)
    const head = await this.db
      .selectFrom('assistants')
      .selectAll()
      .where('assistant_id', '=', assistantId)
      .executeTakeFirst()
    if (!head?.created_at) return []
    const found: AssistantVersion[] = []
    let skip = offset
    for (let below = head.highest + 1; found.length < limit; ) {
      const rows = await this.db
        .selectFrom('versions')
        .selectAll()
        .where('assistant_id', '=', assistantId)
        .where('generation', '=', head.generation)
        .where('version', '<', below)
        .orderBy('version', 'desc')
        .limit(PAGE)
        .execute()
      for (const { version, content, created_at } of rows) {
        const shown = versionOf(assistantId, version, JSON.parse(content) as Content, created_at)
        if (metadata && !contains(shown.metadata, metadata)) continue
        if (skip > 0) skip -= 1
        else if (found.length < limit) found.push(shown)
      }
      const last = rows.at(-1)
      if (!last || rows.length < PAGE) break
      below = last.version
    }
    return found
  }

  /** One version, of the present generation unless another is named; also of an assistant that was deleted. */
  async version(assistantId: string, version: number, generation?: number): Promise<VersionRow | undefined> {
    await refuseQuarantined(this.db, assistantId)
    const head = await this.db
      .selectFrom('assistants')
      .select('generation')
      .where('assistant_id', '=', assistantId)
      .executeTakeFirst()
    const wanted = generation ?? head?.generation
    const row = wanted === undefined ? undefined : await this.versionRow(assistantId, wanted, version)
    if (!row) return undefined
    const shown = versionOf(assistantId, version, JSON.parse(row.content) as Content, row.created_at)
    return { ...shown, generation: row.generation, content_hash: row.content_hash }
  }

  /** What the keys of these assistants must say. */
  async keysOf(assistantIds: readonly string[]): Promise<ConfigKey[]> {
    const keys: ConfigKey[] = []
    for (let i = 0; i < assistantIds.length; i += PAGE)
      keys.push(
        ...(await this.readKeys((query) =>
          query.where('k.assistant_id', 'in', assistantIds.slice(i, i + PAGE)),
        )),
      )
    return keys
  }

  /** What every key must say, in pages. */
  async *keys(): AsyncGenerator<ConfigKey> {
    let after = ''
    while (true) {
      const page = await this.db
        .selectFrom('config_keys')
        .select('assistant_id')
        .distinct()
        .where('assistant_id', '>', after)
        .orderBy('assistant_id')
        .limit(PAGE)
        .execute()
      const ids = page.map(({ assistant_id }) => assistant_id)
      yield* await this.keysOf(ids)
      const last = ids.at(-1)
      if (last === undefined || ids.length < PAGE) return
      after = last
    }
  }

  /** The graphs that any key was ever of. */
  async graphs(): Promise<string[]> {
    const rows = await this.db
      .selectFrom('config_keys')
      .select('graph_id')
      .distinct()
      .orderBy('graph_id')
      .execute()
    return rows.map(({ graph_id }) => graph_id)
  }

  /** Streams that cannot be read on, with the revision at which they stopped. */
  async quarantined(): Promise<{ assistantId: string; revision: bigint; reason: string }[]> {
    const rows = await this.db.selectFrom('quarantine').selectAll().execute()
    return rows.map(({ assistant_id, revision, reason }) => ({
      assistantId: assistant_id,
      revision: BigInt(revision),
      reason,
    }))
  }

  async close(): Promise<void> {
    for (const waiter of [...this.waiters]) waiter.done(false)
    await this.db.destroy()
    await this.writer.destroy()
  }

  private versionRow(assistantId: string, generation: number, version: number) {
    return this.db
      .selectFrom('versions')
      .selectAll()
      .where('assistant_id', '=', assistantId)
      .where('generation', '=', generation)
      .where('version', '=', version)
      .executeTakeFirst()
  }

  private async readKeys(narrow: (query: KeyQuery) => KeyQuery): Promise<ConfigKey[]> {
    const rows = await narrow(keyQuery(this.db)).execute()
    return rows.map(asConfigKey)
  }
}

const keyQuery = (db: Kysely<Tables>) =>
  db
    .selectFrom('config_keys as k')
    .innerJoin('versions as v', (join) =>
      join
        .onRef('v.assistant_id', '=', 'k.assistant_id')
        .onRef('v.generation', '=', 'k.generation')
        .onRef('v.version', '=', 'k.version'),
    )
    .selectAll('k')
    .select(['v.content', 'v.content_hash'])
    .orderBy('k.environment')
    .orderBy('k.graph_id')

type KeyQuery = ReturnType<typeof keyQuery>
type KeyRow = Awaited<ReturnType<KeyQuery['execute']>>[number]

function asConfigKey(row: KeyRow): ConfigKey {
  const base = {
    environment: row.environment,
    graphId: row.graph_id,
    assistantId: row.assistant_id,
    generation: row.generation,
    version: row.version,
    revision: BigInt(row.revision),
    position: BigInt(row.position),
    promotedAt: row.promoted_at,
    promotedBy: JSON.parse(row.promoted_by) as Actor,
  }
  if (row.state === 'deleted') return { ...base, state: 'deleted' }
  if (row.state === 'moved') return { ...base, state: 'moved', to: row.moved_to ?? row.graph_id }
  return {
    ...base,
    state: 'live',
    content: JSON.parse(row.content) as Content,
    contentHash: row.content_hash,
  }
}
