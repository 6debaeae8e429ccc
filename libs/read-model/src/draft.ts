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
import { contentJson } from './content-json.js'
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
import type { Projected } from './read-model.js'
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

type Promoted = Extract<AssistantEvent, { readonly type: 'VersionPromoted' }>['data']

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
  /** The event's data as they are stored, where that is at hand. */
  readonly text: string | undefined
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
   * Applies the stream's next event: at once, or when rows that were written before have been read.
   * @throws Inconsistent before anything was changed
   */
  apply(
    recorded: Recorded,
    { position, text }: Projected,
    rows: Rows,
    earlier: Earlier,
  ): Promise<void> | undefined {
    const { event, metadata } = recorded
    const { at, actor, reason = null } = metadata
    const revision = this.revision + 1
    const place = { revision, position, text, at, shownAt: shownAt(event, at), actor, reason }
    const moving = this.move(event, place, rows, earlier)
    if (moving) return moving.then(() => this.moved(recorded, rows))
    this.moved(recorded, rows)
    return undefined
  }

  private moved({ event, metadata }: Recorded, rows: Rows): void {
    const { at, hash, commandId, commandHash } = metadata
    this.revision += 1
    this.hash = hash
    this.at = at
    const outcome = outcomeOf(event, this.generation, at)
    const shown = outcome.type === 'shown' ? outcome : undefined
    rows.command(this.assistantNo, commandId, [
      commandHash,
      this.revision,
      shown?.generation ?? null,
      shown?.version ?? null,
      shown?.updatedAt ?? null,
    ])
  }

  private move(event: AssistantEvent, place: Place, rows: Rows, earlier: Earlier): Promise<void> | undefined {
    switch (event.type) {
      case 'AssistantCreated': {
        const { generation, content } = event.data
        if (this.life) throw new Inconsistent('it creates an assistant that exists')
        if (generation !== this.generation + 1)
          throw new Inconsistent(`generation ${generation} is not the next`)
        this.generation = generation
        this.life = { createdAt: place.shownAt, highest: 0, histories: new Map() }
        this.contents.clear()
        this.addVersion(this.life, 1, event.data, place, rows)
        this.point(this.life, LIVE, { version: 1, graph: content.graph_id }, place, rows)
        return
      }
      case 'ConfigChanged': {
        const life = this.living()
        const { version } = event.data
        if (version !== life.highest + 1) throw new Inconsistent(`version ${version} is not the next`)
        this.addVersion(life, version, event.data, place, rows)
        return
      }
      case 'VersionPromoted': {
        const life = this.living()
        const graph = this.contents.get(event.data.version)?.graph_id
        return graph === undefined
          ? this.promoteEarlier(life, event.data, place, rows, earlier)
          : this.promote(life, event.data, graph, place, rows, earlier)
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

  private addVersion(
    life: Life,
    version: number,
    data: { readonly content: Content },
    { shownAt, text }: Place,
    rows: Rows,
  ): void {
    const { content } = data
    life.highest = version
    this.contents.set(version, content)
    const { assistantNo, generation } = this
    rows.versions.push([assistantNo, generation, version, content.graph_id, shownAt, contentJson(data, text)])
  }

  /** To a version that was not made in this batch. */
  private async promoteEarlier(
    life: Life,
    promoted: Promoted,
    place: Place,
    rows: Rows,
    earlier: Earlier,
  ): Promise<void> {
    const { version } = promoted
    const graph = await earlier.graphOf(this.assistantNo, this.generation, version)
    if (graph === undefined) throw new Inconsistent(`it promotes version ${version}, which does not exist`)
    await this.promote(life, promoted, graph, place, rows, earlier)
  }

  private promote(
    life: Life,
    { environment, version, rollback, replaces, guard }: Promoted,
    graph: string,
    place: Place,
    rows: Rows,
    earlier: Earlier,
  ): Promise<void> | undefined {
    const to = { version, graph, rollback: rollback === true, replaces, guard }
    this.point(life, environment, to, place, rows)
    if (guard) rows.guard(this.assistantNo, environment, place.revision, place.at, guard)
    return this.deepen(life, environment, earlier)
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
  private deepen(life: Life, environment: string, earlier: Earlier): Promise<void> | undefined {
    const history = life.histories.get(environment)
    if (!history || history.next === undefined || history.entries.length > 1) return undefined
    return this.readOn(life, environment, history, history.next, earlier)
  }

  private async readOn(
    life: Life,
    environment: string,
    history: History,
    from: number,
    earlier: Earlier,
  ): Promise<void> {
    const entries = [...history.entries]
    let next: number | undefined = from
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
