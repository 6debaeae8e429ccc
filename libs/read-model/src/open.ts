// The read model on a file: one connection that projects, one that answers, and the standing that both agree on.
import {
  assistantStream,
  fleetStream,
  type Ledger,
  ledgerStream,
  type State,
} from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import { ById } from './by-id.js'
import { ConfigKeys } from './config-keys.js'
import { openDatabase, type ReadDatabase } from './database.js'
import { StreamUnreadable } from './errors.js'
import { Fleet } from './fleet.js'
import { Projector, type Standing } from './project.js'
import type {
  AssistantFilter,
  AssistantSearch,
  ConfigKey,
  Quarantined,
  ReadModel,
  VersionsQuery,
} from './read-model.js'
import { Search } from './search.js'
import { Waiters } from './waiters.js'

export interface ReadModelOptions {
  /** Made when it is not there. Nothing in it is worth keeping: what does not fit is discarded. */
  readonly file: string
  readonly project: string
}

/** Opens a project's read model; one of another version or project is begun anew, at position 0. */
export async function openReadModel({ file, project }: ReadModelOptions): Promise<ReadModel> {
  const database = await openDatabase(file, project)
  return new SqliteReadModel(database, await standingOf(database), project)
}

async function standingOf({ writer, checkpoint }: ReadDatabase): Promise<Standing> {
  const last = await writer
    .selectFrom('assistants')
    .select(({ fn }) => fn.max('assistant_no').as('no'))
    .executeTakeFirst()
  const quarantined = await writer.selectFrom('quarantine').selectAll().execute()
  const { position, log_id, epoch } = checkpoint
  return {
    position: BigInt(position),
    ledger: log_id === null || epoch === null ? undefined : { logId: log_id, epoch },
    nextNo: (last?.no ?? 0) + 1,
    quarantined: new Map(
      quarantined.map(({ stream, revision, reason }) => [
        stream,
        { stream, revision: BigInt(revision), reason },
      ]),
    ),
  }
}

class SqliteReadModel implements ReadModel {
  private readonly waiters = new Waiters()
  private readonly projector: Projector
  private readonly byId: ById
  private readonly searching: Search
  private readonly configKeys: ConfigKeys
  readonly fleet: Fleet
  private closing: Promise<void> | undefined

  constructor(
    private readonly database: ReadDatabase,
    private standing: Standing,
    private readonly project: string,
  ) {
    const { writer, reader } = database
    this.projector = new Projector(writer, {
      ledger: ledgerStream(project),
      assistants: assistantStream(project, ''),
      fleet: fleetStream(project, ''),
    })
    this.byId = new ById(reader)
    this.searching = new Search(reader)
    this.configKeys = new ConfigKeys(reader)
    this.fleet = new Fleet(reader)
  }

  get position(): bigint {
    return this.standing.position
  }

  get ledger(): Ledger | undefined {
    return this.standing.ledger
  }

  get quarantined(): readonly Quarantined[] {
    return [...this.standing.quarantined.values()]
  }

  reached(position: bigint, timeout_ms: number): Promise<boolean> {
    if (position <= this.position) return Promise.resolve(true)
    return this.waiters.wait(position, timeout_ms)
  }

  onAdvance(listener: (position: bigint) => void): () => void {
    return this.waiters.listen(listener)
  }

  async apply(events: readonly RecordedEvent[], through: bigint): Promise<void> {
    const before = this.position
    this.standing = await this.projector.apply(this.standing, events, through)
    if (this.position > before) this.waiters.advance(this.position)
  }

  async loadState(assistantId: string, commandId?: string): Promise<State> {
    this.mustBeReadable(assistantId)
    return this.byId.state(assistantId, commandId)
  }

  async content(assistantId: string, generation: number, version: number) {
    this.mustBeReadable(assistantId)
    return this.byId.content(assistantId, generation, version)
  }

  async assistant(assistantId: string, environment: string) {
    this.mustBeReadable(assistantId)
    return this.byId.assistant(assistantId, environment)
  }

  async answerAt(assistantId: string, generation: number, version: number, updatedAt: string) {
    this.mustBeReadable(assistantId)
    return this.byId.answerAt(assistantId, generation, version, updatedAt)
  }

  async versions(assistantId: string, query: VersionsQuery) {
    this.mustBeReadable(assistantId)
    return this.byId.versions(assistantId, query)
  }

  async version(assistantId: string, version: number, generation?: number) {
    this.mustBeReadable(assistantId)
    return this.byId.version(assistantId, version, generation)
  }

  search(search: AssistantSearch) {
    return this.searching.search(search)
  }

  count(filter: AssistantFilter) {
    return this.searching.count(filter)
  }

  keysOf(assistantIds: readonly string[]): Promise<ConfigKey[]> {
    return this.configKeys.of(assistantIds)
  }

  keys(): AsyncIterable<ConfigKey> {
    return this.configKeys.all()
  }

  graphs(): Promise<string[]> {
    return this.configKeys.graphs()
  }

  close(): Promise<void> {
    this.waiters.close()
    this.closing ??= this.database.close()
    return this.closing
  }

  private mustBeReadable(assistantId: string): void {
    const { quarantined } = this.standing
    if (quarantined.size === 0) return
    const found = quarantined.get(assistantStream(this.project, assistantId))
    if (found) throw new StreamUnreadable(found.stream, found.revision, found.reason)
  }
}
