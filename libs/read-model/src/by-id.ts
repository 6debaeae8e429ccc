// What is read of one assistant by its id: the state that commands are decided on, and versions.
import {
  type CommandRecord,
  type Content,
  contentHash,
  EMPTY,
  type Outcome,
  type Pointer,
  type State,
} from '@assistant-ledger/assistant'
import type { Kysely } from 'kysely'
import { contains } from './contains.js'
import { ResultTooLarge } from './errors.js'
import { decodeHistories, pointerOf, topOf } from './history.js'
import type { Assistant, AssistantRow, AssistantVersion, VersionRow, VersionsQuery } from './read-model.js'
import type { Tables } from './schema.js'
import { ShownRow } from './shown.js'
import { Statement, slot } from './statement.js'
import { checkFilter } from './terms.js'
import { turn } from './turn.js'
import { type Condition, fits, readFilter } from './visible.js'

/** Versions that a list reads at once. */
const VERSIONS_PAGE = 32

export class ById {
  private readonly statements: ReturnType<typeof statementsById>

  constructor(private readonly db: Kysely<Tables>) {
    this.statements = statementsById(db)
  }

  async state(assistantId: string, commandId?: string): Promise<State> {
    const { state, stateAndCommand } = this.statements
    if (commandId === undefined) {
      const row = await state.first(this.db, { assistantId })
      return row ? stateOf(row, new Map()) : EMPTY
    }
    const row = await stateAndCommand.first(this.db, { assistantId, commandId })
    if (!row) return EMPTY
    const record = recordOf(row)
    return stateOf(row, new Map(record && [[commandId, record]]))
  }

  async content(assistantId: string, generation: number, version: number): Promise<VersionRow | undefined> {
    const row = await this.statements.version.first(this.db, { assistantId, generation, version })
    if (!row) return undefined
    const content = JSON.parse(row.content) as Content
    return { content, contentHash: contentHash(content), createdAt: row.created_at }
  }

  async assistant(assistantId: string, environment: string): Promise<AssistantRow | undefined> {
    const row = await this.statements.state.first(this.db, { assistantId })
    if (!row || row.created_at === null) return undefined
    const top = topOf(row.environments, environment)
    if (!top) return undefined
    const { revision, generation, created_at } = row
    const { version } = top
    const content =
      version === row.live_version
        ? row.content
        : (await this.statements.version.first(this.db, { assistantId, generation, version }))?.content
    if (content === null || content === undefined) return undefined
    const about = { assistant_id: assistantId, version, created_at, updated_at: top.at }
    return new ShownRow(about, content, generation, BigInt(revision))
  }

  async answerAt(
    assistantId: string,
    generation: number,
    version: number,
    updatedAt: string,
  ): Promise<Assistant | undefined> {
    const row = await this.statements.version.first(this.db, { assistantId, generation, version })
    // A life begins with its version 1.
    const first =
      version === 1
        ? row
        : await this.statements.version.first(this.db, { assistantId, generation, version: 1 })
    if (!row || !first) return undefined
    return {
      assistant_id: assistantId,
      ...inOrder(JSON.parse(row.content) as Content, version),
      created_at: first.created_at,
      updated_at: updatedAt,
    }
  }

  async version(assistantId: string, version: number, generation?: number) {
    const row =
      generation === undefined
        ? await this.statements.liveVersion.first(this.db, { assistantId, version })
        : await this.statements.version.first(this.db, { assistantId, generation, version })
    if (!row) return undefined
    return { ...versionOf(assistantId, row), generation: row.generation }
  }

  async versions(
    assistantId: string,
    { metadata, visible, limit, offset, mostBytes = Number.POSITIVE_INFINITY }: VersionsQuery,
  ): Promise<AssistantVersion[]> {
    const pattern = metadata && Object.keys(metadata).length > 0 ? metadata : undefined
    if (pattern) checkFilter(pattern)
    const seen = visible && readFilter(visible)
    if (seen && !(await this.isSeen(assistantId, seen))) return []
    const filter = pattern !== undefined || seen !== undefined
    const found: AssistantVersion[] = []
    // Without a filter the database skips; with one, what does not match is not counted.
    let skip = filter ? offset : 0
    let jump = filter ? 0 : offset
    let below = Number.MAX_SAFE_INTEGER
    let generation: number | undefined
    let bytes = 0
    for (;;) {
      const size = filter ? VERSIONS_PAGE : Math.min(VERSIONS_PAGE, limit - found.length)
      const rows = await this.statements.versionsBelow.all(this.db, {
        assistantId,
        below,
        limit: size,
        offset: jump,
      })
      jump = 0
      for (const row of rows) {
        generation ??= row.generation
        // Created anew between two pages: what is left of the list is gone.
        if (row.generation !== generation) return found
        below = row.version
        const version = versionOf(assistantId, row)
        if (pattern && !contains(version.metadata, pattern)) continue
        if (seen && !fits(version.metadata, seen)) continue
        if (skip > 0) {
          skip -= 1
          continue
        }
        bytes += Buffer.byteLength(row.content)
        if (bytes > mostBytes) throw new ResultTooLarge(mostBytes)
        if (found.push(version) === limit) return found
      }
      if (rows.length < size) return found
      await turn()
    }
  }

  /** Whether what is live may be seen. */
  private async isSeen(assistantId: string, condition: Condition): Promise<boolean> {
    const row = await this.statements.state.first(this.db, { assistantId })
    if (!row || row.content === null) return false
    return fits((JSON.parse(row.content) as Content).metadata, condition)
  }
}

/** Content and version in the order of the API's documentation. */
export function inOrder(content: Content, version: number) {
  const { graph_id, name, description, config, context, metadata } = content
  return { graph_id, version, name, description, config, context, metadata }
}

interface StateRow extends LifeRow {
  readonly revision: number
  readonly hash: string
  readonly at: string
  readonly generation: number
}

const stateOf = (row: StateRow, commands: State['commands']): State => ({
  head: { revision: BigInt(row.revision), hash: row.hash, at: row.at },
  generation: row.generation,
  life: lifeOf(row),
  commands,
})

interface LifeRow {
  readonly created_at: string | null
  readonly highest: number | null
  readonly environments: string
  readonly live_version: number | null
  readonly content: string | null
}

function lifeOf({ created_at, highest, environments, live_version, content }: LifeRow): State['life'] {
  if (created_at === null || highest === null) return undefined
  const pointers = new Map<string, Pointer>()
  for (const [environment, history] of decodeHistories(environments))
    pointers.set(environment, pointerOf(history))
  const contents = new Map<number, Content>()
  if (live_version !== null && content !== null) contents.set(live_version, JSON.parse(content) as Content)
  return { createdAt: created_at, highest, environments: pointers, contents }
}

function recordOf(row: {
  command_hash: string | null
  command_revision: number | null
  command_generation: number | null
  command_version: number | null
  command_updated_at: string | null
}): CommandRecord | undefined {
  const { command_hash, command_revision, command_generation, command_version, command_updated_at } = row
  if (command_hash === null || command_revision === null) return undefined
  const outcome: Outcome =
    command_generation === null || command_version === null || command_updated_at === null
      ? { type: 'deleted' }
      : {
          type: 'shown',
          generation: command_generation,
          version: command_version,
          updatedAt: command_updated_at,
        }
  return { commandHash: command_hash, revision: BigInt(command_revision), outcome }
}

const versionOf = (
  assistantId: string,
  row: { version: number; created_at: string; content: string },
): AssistantVersion => ({
  assistant_id: assistantId,
  ...inOrder(JSON.parse(row.content) as Content, row.version),
  created_at: row.created_at,
})

function statementsById(db: Kysely<Tables>) {
  const state = db
    .selectFrom('assistants as a')
    .leftJoin('versions as v', (join) =>
      join
        .onRef('v.assistant_no', '=', 'a.assistant_no')
        .onRef('v.generation', '=', 'a.generation')
        .onRef('v.version', '=', 'a.live_version'),
    )
    .select([
      'a.revision',
      'a.hash',
      'a.at',
      'a.generation',
      'a.environments',
      'a.highest',
      'a.created_at',
      'a.live_version',
      'v.content',
    ])
    .where('a.assistant_id', '=', slot<string>('assistantId'))
  const versions = db
    .selectFrom('assistants as a')
    .innerJoin('versions as v', 'v.assistant_no', 'a.assistant_no')
    .select(['v.version', 'v.generation', 'v.created_at', 'v.content'])
    .where('a.assistant_id', '=', slot<string>('assistantId'))
  const present = versions.whereRef('v.generation', '=', 'a.generation').where('a.created_at', 'is not', null)
  return {
    state: new Statement(state),
    stateAndCommand: new Statement(
      state
        .leftJoin('commands as c', (join) =>
          join
            .onRef('c.assistant_no', '=', 'a.assistant_no')
            .on('c.command_id', '=', slot<string>('commandId')),
        )
        .select([
          'c.command_hash',
          'c.revision as command_revision',
          'c.generation as command_generation',
          'c.version as command_version',
          'c.updated_at as command_updated_at',
        ]),
    ),
    version: new Statement(
      versions
        .where('v.generation', '=', slot<number>('generation'))
        .where('v.version', '=', slot<number>('version')),
    ),
    liveVersion: new Statement(present.where('v.version', '=', slot<number>('version'))),
    versionsBelow: new Statement(
      present
        .where('v.version', '<', slot<number>('below'))
        .orderBy('v.version', 'desc')
        .limit(slot<number>('limit'))
        .offset(slot<number>('offset')),
    ),
  }
}
