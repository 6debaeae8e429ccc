// What one batch of events makes of the assistants it touches: loaded at first touch, changed in memory by one event
// after the other, written once. A hundred changes of one assistant cost one row of each table.
import {
  type Actor,
  type AssistantEvent,
  type Content,
  contentHash,
  LIVE,
  type Outcome,
  outcomeOf,
  type Recorded,
} from '@assistant-ledger/assistant'
import type { Selectable } from 'kysely'
import type { Tables } from './tables.js'

export type Row<T extends keyof Tables> = Selectable<Tables[T]>

/** The projection lost an event, or saw the log of another project: it must not go on. */
export class RevisionGap extends Error {
  override readonly name = 'RevisionGap'
}

export class Working {
  /** Rows to insert. */
  readonly versions: Row<'versions'>[] = []
  readonly commands = new Map<string, Row<'commands'>>()
  /** Rows to write over what is there. */
  readonly promotions = new Map<string, Row<'promotions'>>()
  readonly keys = new Map<string, Row<'config_keys'>>()
  /** Whether everything of the generation before must go first. */
  cleared = false
  /** Whether what `live` shows has changed, so that search must. */
  liveChanged = false
  /** Depth from which the histories have been cut, by environment. */
  readonly cut = new Map<string, number>()

  constructor(
    readonly assistantId: string,
    public head: Row<'assistants'> | undefined,
    readonly environments: Map<string, Row<'environments'>>,
    private readonly graphOf: (generation: number, version: number) => Promise<string>,
  ) {}

  /** Takes the next event; false when it was seen before. */
  async apply({ revision, event, metadata }: Recorded, position: bigint): Promise<boolean> {
    const seen = this.head?.revision ?? -1
    if (Number(revision) <= seen) return false
    if (Number(revision) !== seen + 1)
      throw new RevisionGap(`assistant ${this.assistantId}: event ${revision} came after ${seen}`)
    const before: Row<'assistants'> = this.head ?? {
      assistant_id: this.assistantId,
      revision: -1,
      hash: '',
      at: '',
      generation: 0,
      highest: 0,
      created_at: null,
    }
    this.head = { ...before, revision: Number(revision), hash: metadata.hash, at: metadata.at }
    await this.change(event, {
      revision: Number(revision),
      position: String(position),
      at: metadata.at,
      by: metadata.actor,
    })
    this.note(outcomeOf(event, this.head.generation, metadata.at), { revision, event, metadata })
    return true
  }

  private async change(event: AssistantEvent, moved: Moved): Promise<void> {
    const head = this.head as Row<'assistants'>
    switch (event.type) {
      case 'AssistantCreated': {
        const { generation, content } = event.data
        this.head = { ...head, generation, highest: 1, created_at: moved.at }
        this.addVersion(1, content, moved.at)
        await this.point(LIVE, 1, 1, moved)
        return
      }
      case 'ConfigChanged':
        this.head = { ...head, highest: event.data.version }
        this.addVersion(event.data.version, event.data.content, moved.at)
        return
      case 'VersionPromoted': {
        const { environment, version, rollback } = event.data
        const depth = this.environments.get(environment)?.depth ?? 0
        if (rollback) this.cutFrom(environment, depth)
        await this.point(environment, version, rollback ? Math.max(1, depth - 1) : depth + 1, moved)
        return
      }
      case 'AssistantDeleted':
        for (const { environment, graph_id, version } of this.environments.values())
          this.key(environment, graph_id, { state: 'deleted', moved_to: null, version }, moved)
        this.environments.clear()
        this.promotions.clear()
        this.cut.clear()
        this.cleared = true
        this.liveChanged = true
        this.head = { ...head, created_at: null }
        return
      case 'CommandNoted':
        return
      default:
        event satisfies never
    }
  }

  private addVersion(version: number, content: Content, created_at: string): void {
    const { generation } = this.head as Row<'assistants'>
    this.versions.push({
      assistant_id: this.assistantId,
      generation,
      version,
      content: JSON.stringify(content),
      content_hash: contentHash(content),
      created_at,
    })
  }

  private async point(environment: string, version: number, depth: number, moved: Moved): Promise<void> {
    const { generation } = this.head as Row<'assistants'>
    const graph_id = await this.graphOfVersion(generation, version)
    const before = this.environments.get(environment)
    const { revision, at } = moved
    const assistant_id = this.assistantId
    this.environments.set(environment, {
      assistant_id,
      environment,
      generation,
      version,
      graph_id,
      revision,
      at,
      depth,
    })
    this.promotions.set(`${environment}/${depth}`, {
      assistant_id,
      environment,
      depth,
      version,
      revision,
      at,
    })
    if (before && before.graph_id !== graph_id)
      this.key(environment, before.graph_id, { state: 'moved', moved_to: graph_id, version }, moved)
    this.key(environment, graph_id, { state: 'live', moved_to: null, version }, moved)
    if (environment === LIVE) this.liveChanged = true
  }

  private graphOfVersion(generation: number, version: number): Promise<string> | string {
    const made = this.versions.find((row) => row.generation === generation && row.version === version)
    return made ? (JSON.parse(made.content) as Content).graph_id : this.graphOf(generation, version)
  }

  private cutFrom(environment: string, depth: number): void {
    this.promotions.delete(`${environment}/${depth}`)
    this.cut.set(environment, Math.min(depth, this.cut.get(environment) ?? depth))
  }

  private key(
    environment: string,
    graph_id: string,
    what: Pick<Row<'config_keys'>, 'state' | 'moved_to' | 'version'>,
    moved: Moved,
  ): void {
    const { generation } = this.head as Row<'assistants'>
    this.keys.set(`${environment}/${graph_id}`, {
      environment,
      graph_id,
      assistant_id: this.assistantId,
      ...what,
      generation,
      revision: moved.revision,
      position: moved.position,
      promoted_at: moved.at,
      promoted_by: JSON.stringify(moved.by),
    })
  }

  private note(outcome: Outcome, { revision, metadata }: Recorded): void {
    const shown = outcome.type === 'shown'
    this.commands.set(metadata.commandId, {
      command_id: metadata.commandId,
      assistant_id: this.assistantId,
      command_hash: metadata.commandHash,
      revision: Number(revision),
      version: shown ? outcome.version : null,
      generation: shown ? outcome.generation : (this.head as Row<'assistants'>).generation,
      updated_at: shown ? outcome.updatedAt : metadata.at,
    })
  }
}

interface Moved {
  readonly revision: number
  readonly position: string
  readonly at: string
  readonly by: Actor
}
