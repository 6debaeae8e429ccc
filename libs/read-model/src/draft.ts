// One assistant while a batch of events is projected: its row as it was, changed event by event as `fold` would, and
// the rows that each event adds. What an event may not do is found here, before it becomes a row.
import {
  type Actor,
  type AssistantEvent,
  assistantIdOf,
  type Content,
  type Guard,
  LIVE,
  outcomeOf,
  type Recorded,
  shownAt,
} from '@assistant-ledger/assistant'
import { sortable } from './fleet-schema.js'
import {
  belowTop,
  HISTORY_DEPTH,
  type Histories,
  type History,
  type Promotion,
  popped,
  pushed,
} from './history.js'
import type { Rows } from './rows.js'

/** The event reads well but cannot follow what came before it: the stream is damaged. */
export class Inconsistent extends Error {
  override readonly name = 'Inconsistent'
}

export interface Life {
  readonly createdAt: string
  highest: number
  readonly histories: Map<string, History>
}

/** What searches show of an assistant. */
export interface Listed {
  readonly createdAt: string
  readonly content: Content
}

/** Reads what a batch needs of rows written before. */
export interface Earlier {
  graphOf(assistantNo: number, generation: number, version: number): Promise<string | undefined>
  /** A promotion and what is below it, in rows that this batch may have added. */
  promotion(
    assistantNo: number,
    environment: string,
    revision: number,
  ): Promise<(Promotion & { readonly below: number | undefined }) | undefined>
}

/** Where an event stands, and who caused it why. */
interface Place {
  readonly revision: number
  readonly position: bigint
  readonly at: string
  /** When it happened, where that was elsewhere. */
  readonly shownAt: string
  readonly actor: Actor
  readonly reason: string | null
}

/** What an environment's pointer is set to. */
interface Target {
  readonly version: number
  readonly graph: string
  readonly rollback?: boolean
  readonly replaces?: number | undefined
  readonly guard?: Guard | undefined
}

export class Draft {
  /** -1 before the first event. */
  revision = -1
  hash = ''
  at = ''
  generation = 0
  life: Life | undefined
  /** Contents of the present life's versions: the live one and those of this batch. */
  readonly contents = new Map<number, Content>()
  /** What searches showed before the batch. */
  before: Listed | undefined
  quarantined = false

  constructor(
    readonly assistantNo: number,
    readonly stream: string,
  ) {}

  get assistantId(): string {
    return assistantIdOf(this.stream) ?? this.stream
  }

  /**
   * Applies the stream's next event.
   * @throws Inconsistent before anything was changed
   */
  async apply({ event, metadata }: Recorded, position: bigint, rows: Rows, earlier: Earlier): Promise<void> {
    const { at, hash, actor, reason = null, commandId, commandHash } = metadata
    const place = { revision: this.revision + 1, position, at, shownAt: shownAt(event, at), actor, reason }
    await this.move(event, place, rows, earlier)
    this.revision = place.revision
    this.hash = hash
    this.at = at
    const outcome = outcomeOf(event, this.generation, at)
    const shown = outcome.type === 'shown' ? outcome : undefined
    rows.command(this.assistantNo, commandId, [
      commandHash,
      place.revision,
      shown?.generation ?? null,
      shown?.version ?? null,
      shown?.updatedAt ?? null,
    ])
  }

  private async move(event: AssistantEvent, place: Place, rows: Rows, earlier: Earlier): Promise<void> {
    switch (event.type) {
      case 'AssistantCreated': {
        const { generation, content } = event.data
        if (this.life) throw new Inconsistent('it creates an assistant that exists')
        if (generation !== this.generation + 1)
          throw new Inconsistent(`generation ${generation} is not the next`)
        this.generation = generation
        this.life = { createdAt: place.shownAt, highest: 0, histories: new Map() }
        this.contents.clear()
        this.addVersion(this.life, 1, content, place, rows)
        this.point(this.life, LIVE, { version: 1, graph: content.graph_id }, place, rows)
        return
      }
      case 'ConfigChanged': {
        const life = this.living()
        const { version, content } = event.data
        if (version !== life.highest + 1) throw new Inconsistent(`version ${version} is not the next`)
        this.addVersion(life, version, content, place, rows)
        return
      }
      case 'VersionPromoted': {
        const life = this.living()
        const { environment, version, rollback, replaces, guard } = event.data
        const graph = await this.graphOf(version, earlier)
        if (graph === undefined)
          throw new Inconsistent(`it promotes version ${version}, which does not exist`)
        const to = { version, graph, rollback: rollback === true, replaces, guard }
        this.point(life, environment, to, place, rows)
        if (guard) rows.guard(this.assistantNo, environment, place.revision, place.at, guard)
        await this.deepen(life, environment, earlier)
        return
      }
      case 'AssistantDeleted':
        for (const [environment, { graph, entries }] of this.living().histories)
          this.key(environment, graph, 'deleted', null, entries[0]?.version ?? 0, place, rows)
        this.end(place, rows)
        this.life = undefined
        this.contents.clear()
        return
      case 'CommandNoted':
        return
      default:
        event satisfies never
    }
  }

  private living(): Life {
    if (!this.life) throw new Inconsistent('it changes an assistant that does not exist')
    return this.life
  }

  private addVersion(life: Life, version: number, content: Content, { shownAt }: Place, rows: Rows): void {
    life.highest = version
    this.contents.set(version, content)
    const { assistantNo, generation } = this
    rows.versions.push([assistantNo, generation, version, content.graph_id, shownAt, JSON.stringify(content)])
  }

  private async graphOf(version: number, earlier: Earlier): Promise<string | undefined> {
    return (
      this.contents.get(version)?.graph_id ??
      (await earlier.graphOf(this.assistantNo, this.generation, version))
    )
  }

  /** Sets an environment's pointer, and the keys that follow from it. */
  private point(
    life: Life,
    environment: string,
    { version, graph, rollback = false, replaces, guard }: Target,
    place: Place,
    rows: Rows,
  ): void {
    const { revision, position, at, shownAt, actor, reason } = place
    const old = life.histories.get(environment)
    const top = { version, revision, at: shownAt }
    const history = rollback && old ? popped(old, top, graph) : pushed(old, top, graph)
    life.histories.set(environment, history)
    const below = belowTop(history) ?? null
    rows.promotions.push([
      this.assistantNo,
      environment,
      revision,
      this.generation,
      version,
      at,
      below,
      replaces ?? null,
      rollback ? 1 : 0,
      sortable(position),
      guard ? JSON.stringify(guard) : null,
      JSON.stringify(actor),
      reason,
      shownAt === at ? null : shownAt,
    ])
    if (old && old.graph !== graph)
      this.key(environment, old.graph, 'moved', graph, old.entries[0]?.version ?? 0, place, rows)
    this.key(environment, graph, 'live', null, version, place, rows)
  }

  private end({ revision, position, at, actor, reason }: Place, rows: Rows): void {
    const { assistantNo, generation } = this
    const by = JSON.stringify(actor)
    rows.deletions.push([assistantNo, revision, generation, at, sortable(position), by, reason])
  }

  /** After rollbacks: reads on, so that the row always holds what the next rollback goes back to. */
  private async deepen(life: Life, environment: string, earlier: Earlier): Promise<void> {
    const history = life.histories.get(environment)
    if (!history || history.next === undefined || history.entries.length > 1) return
    const entries = [...history.entries]
    let next: number | undefined = history.next
    while (next !== undefined && entries.length < HISTORY_DEPTH) {
      const promotion = await earlier.promotion(this.assistantNo, environment, next)
      if (!promotion) break
      entries.push({ version: promotion.version, revision: promotion.revision, at: promotion.at })
      next = promotion.below
    }
    life.histories.set(environment, { ...history, entries, next })
  }

  private key(
    environment: string,
    graph: string,
    state: 'live' | 'deleted' | 'moved',
    to: string | null,
    version: number,
    { revision, position, at, actor }: Place,
    rows: Rows,
  ): void {
    const { assistantNo, generation } = this
    rows.key(assistantNo, environment, graph, [
      state,
      to,
      generation,
      version,
      revision,
      String(position),
      at,
      JSON.stringify(actor),
    ])
  }
}

/** The histories of a row; none when the assistant does not live. */
export const historiesOf = (draft: Draft): Histories => draft.life?.histories ?? new Map()
