// The read model on its database: what projects, what answers, and the standing that both agree on.
import {
  assistantStream,
  fleetStream,
  graphStream,
  type Ledger,
  ledgerStream,
  type State,
} from '@assistant-ledger/assistant'
import { ById } from './by-id.js'
import { ConfigKeys } from './config-keys.js'
import type { ReadDatabase } from './database.js'
import { Descriptors } from './descriptors.js'
import { StreamUnreadable } from './errors.js'
import { Fleet } from './fleet.js'
import { Projector } from './project.js'
import type {
  ApplyOptions,
  AssistantFilter,
  AssistantSearch,
  ConfigKey,
  Projected,
  Quarantined,
  ReadModel,
  VersionsQuery,
} from './read-model.js'
import type { Replicas } from './replicas.js'
import { clearTables } from './schema.js'
import { Search } from './search.js'
import { openSqlite, rebuiltFile } from './sqlite.js'
import { type Standing, StandingReader } from './standing.js'
import type { Runner } from './statement.js'
import { Waiters } from './waiters.js'

export type ReadModelOptions = (
  | {
      /** Of SQLite. Made when it is not there. Nothing in it is worth keeping: what does not fit is discarded. */
      readonly file: string
      /** Begun anew, and gone with this process: made like what is built beside, see `finish`. */
      readonly passing?: boolean
    }
  | {
      /** Of a PostgreSQL database. */
      readonly url: string
      /** What the other replicas know this process by; random when absent. */
      readonly replica?: string
    }
) & { readonly project: string }

/**
 * Opens a project's read model, made when it is not there. In SQLite one of another version or project is begun anew,
 * at position 0; in PostgreSQL each version is there beside the others.
 * @throws ReadModelUnavailable
 */
export async function openReadModel(options: ReadModelOptions): Promise<ReadModel> {
  const { project } = options
  const database =
    'file' in options
      ? await openSqlite(options.file, project, options.passing ? 'passing' : 'live')
      : await (await import('./postgres/open.js')).openPostgres(options)
  try {
    return await DatabaseReadModel.on(database, options)
  } catch (error) {
    await database.close()
    throw error
  }
}

/**
 * Opens what is built beside a project's read model, to take its place: see `ReadModel.replace`. One that was begun
 * before goes on from its position; one that cannot be relied on any more, or is of another version, is begun anew.
 * @throws ReadModelUnavailable
 */
export async function openRebuilt(options: ReadModelOptions): Promise<ReadModel> {
  const { project } = options
  const database =
    'file' in options
      ? await openSqlite(rebuiltFile(options.file), project, 'rebuilding')
      : await (await import('./postgres/rebuilt.js')).openRebuiltPostgres(options.url, project)
  try {
    return await DatabaseReadModel.on(database, options)
  } catch (error) {
    await database.close()
    throw error
  }
}

class DatabaseReadModel implements ReadModel {
  private readonly waiters = new Waiters()
  private readonly standings: StandingReader
  private readonly projector: Projector
  private readonly byId: ById
  private readonly searching: Search
  private readonly configKeys: ConfigKeys
  readonly fleet: Fleet
  readonly descriptors: Descriptors
  private closing: Promise<void> | undefined

  static async on(database: ReadDatabase, options: ReadModelOptions): Promise<ReadModel> {
    const standings = new StandingReader(database.reader)
    const model = new DatabaseReadModel(database, await standings.read(database.reader), options)
    await database.follow((runner) => model.follow(runner))
    return model
  }

  private constructor(
    private readonly database: ReadDatabase,
    private standing: Standing,
    private readonly options: ReadModelOptions,
  ) {
    const { project } = options
    const { writer, reader } = database
    this.standings = new StandingReader(reader)
    this.projector = new Projector(
      writer,
      {
        ledger: ledgerStream(project),
        assistants: assistantStream(project, ''),
        fleet: fleetStream(project, ''),
        graphs: graphStream(project, ''),
      },
      database.late,
    )
    this.byId = new ById(reader)
    this.searching = new Search(reader)
    this.configKeys = new ConfigKeys(reader)
    this.fleet = new Fleet(reader)
    this.descriptors = new Descriptors(reader)
  }

  get position(): bigint {
    return this.standing.position
  }

  get ledger(): Ledger | undefined {
    return this.standing.ledger
  }

  get available(): boolean {
    return this.database.available
  }

  get replicas(): Replicas | undefined {
    return this.database.replicas
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

  async apply(events: readonly Projected[], through: bigint, options?: ApplyOptions): Promise<void> {
    this.stand(await this.projector.apply(this.standing, events, through, options))
  }

  finish(signal?: AbortSignal): Promise<boolean> {
    return this.database.late?.make(signal) ?? Promise.resolve(true)
  }

  refresh(): Promise<void> {
    return this.follow(this.database.reader)
  }

  async clear(): Promise<void> {
    await this.database.writer.transaction().execute(clearTables)
    this.stand({
      position: 0n,
      ledger: undefined,
      quarantined: new Map(),
      nextNo: 1,
      made: this.standing.made,
    })
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

  async replace(complete: (rebuilt: ReadModel, position: bigint) => Promise<void>): Promise<void> {
    await this.database.replace(async (position) => {
      const rebuilt = await openRebuilt(this.options)
      try {
        await complete(rebuilt, position)
        if (rebuilt.position < position)
          throw new Error(`what was built beside is at ${rebuilt.position}, and has to be at ${position}`)
        await rebuilt.finish()
      } finally {
        await rebuilt.close()
      }
    })
    this.stand(await this.standings.read(this.database.reader))
  }

  close(): Promise<void> {
    this.waiters.close()
    this.closing ??= this.database.close()
    return this.closing
  }

  /** Takes over what the database says, unless this process has changed it in the meantime. */
  private async follow(runner: Runner): Promise<void> {
    for (;;) {
      const before = this.standing
      const found = await this.standings.read(runner)
      if (before !== this.standing) continue
      // Nobody else has given a number away without moving the checkpoint.
      const same = found.position === before.position && found.made === before.made
      this.stand(same ? { ...found, nextNo: before.nextNo } : found)
      return
    }
  }

  private stand(standing: Standing): void {
    const before = this.position
    this.standing = standing
    if (this.position > before) this.waiters.advance(this.position)
  }

  private mustBeReadable(assistantId: string): void {
    const { quarantined } = this.standing
    if (quarantined.size === 0) return
    const found = quarantined.get(assistantStream(this.options.project, assistantId))
    if (found) throw new StreamUnreadable(found.stream, found.revision, found.reason)
  }
}
