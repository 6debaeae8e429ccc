// How a command, or a get by id, finds an assistant's state: the read model's row at revision r, then the stream
// from r + 1, folded. A stale row costs a longer tail, never a wrong answer; without the read model the stream is
// read whole.
import {
  assistantStream,
  type Command,
  type Content,
  EMPTY,
  fold,
  LIVE,
  needs,
  type Recorded,
  readEvent,
  refuse,
  type State,
  UnreadableEvent,
  withContent,
} from '@assistant-ledger/assistant'
import type { EventLog } from '@assistant-ledger/event-log'
import { matches, type ReadModel, StreamUnreadable } from '@assistant-ledger/read-model'
import type { Filter } from './auth/authorizer.js'
import { RefusalError } from './bus/contract.js'

export class Streams {
  constructor(
    private readonly log: EventLog,
    private readonly model: ReadModel,
    private readonly project: string,
    private readonly warn: (line: string) => void,
  ) {}

  nameOf(assistantId: string): string {
    return assistantStream(this.project, assistantId)
  }

  /**
   * The state as of now.
   * @param commandId the command whose earlier outcome is looked up beside the state
   */
  async load(assistantId: string, commandId?: string): Promise<State> {
    const { position } = this.model
    const row = await this.row(assistantId, commandId)
    if (row && !this.mayGoPast(assistantId, position)) return row
    return this.tailOf(row ?? EMPTY, assistantId)
  }

  /** Whether the assistant may have events past what the read model showed when it was at `position`. */
  mayGoPast(assistantId: string, position: bigint): boolean {
    return this.log.mayGoPast(this.nameOf(assistantId), position)
  }

  private tailOf(row: State, assistantId: string): Promise<State> {
    const from = row.head ? row.head.revision + 1n : 0n
    return this.folded(row, assistantId, from)
  }

  /** The state as of now, with everything that deciding this command takes. */
  async loadFor(assistantId: string, command: Command, commandId: string): Promise<State> {
    const state = await this.load(assistantId, commandId)
    const lacks = needs(state, command)
    if (lacks.wholeStream) return this.whole(assistantId)
    if (lacks.contentOf === undefined) return state
    const content = await this.contentOf(assistantId, state, lacks.contentOf)
    return withContent(state, lacks.contentOf, content)
  }

  /** The content of a version of the present life. */
  async contentOf(assistantId: string, state: State, version: number): Promise<Content> {
    const held = state.life?.contents.get(version)
    if (held) return held
    const row = await this.model.content(assistantId, state.generation, version).catch(() => undefined)
    const content = row?.content ?? (await this.whole(assistantId)).life?.contents.get(version)
    if (!content) throw new Error(`version ${version} of ${assistantId} is gone`)
    return content
  }

  /**
   * Whether an assistant that exists may be seen: by what is live of it, whatever environment or version is asked for.
   * @param visible undefined: everything may be seen
   */
  async isVisible(assistantId: string, state: State, visible: Filter | undefined): Promise<boolean> {
    if (!visible) return true
    const live = state.life?.environments.get(LIVE)
    return live !== undefined && this.isVersionVisible(assistantId, state, live.version, visible)
  }

  /** Whether a version of the present life may be seen, by its own metadata. */
  async isVersionVisible(
    assistantId: string,
    state: State,
    version: number,
    visible: Filter,
  ): Promise<boolean> {
    return matches((await this.contentOf(assistantId, state, version)).metadata, visible)
  }

  /** The state from the stream alone. */
  whole(assistantId: string): Promise<State> {
    return this.folded(EMPTY, assistantId, 0n)
  }

  /** The assistant's events from a revision on. */
  async *events(assistantId: string, from: bigint): AsyncGenerator<Recorded> {
    try {
      for await (const stored of this.log.readStream(this.nameOf(assistantId), { from }))
        yield readEvent(stored)
    } catch (error) {
      if (error instanceof UnreadableEvent) throw unreadable(error)
      throw error
    }
  }

  /** One event, and its log position; undefined when there is none. */
  async recordedAt(
    assistantId: string,
    revision: bigint,
  ): Promise<{ readonly position: bigint; readonly recorded: Recorded } | undefined> {
    const options = { from: revision, limit: 1 }
    for await (const stored of this.log.readStream(this.nameOf(assistantId), options))
      return { position: stored.position, recorded: readEvent(stored) }
    return undefined
  }

  private async folded(state: State, assistantId: string, from: bigint): Promise<State> {
    const tail: Recorded[] = []
    for await (const recorded of this.events(assistantId, from)) tail.push(recorded)
    return tail.length === 0 ? state : fold(state, tail)
  }

  /** Undefined when the read model cannot say. */
  private async row(assistantId: string, commandId?: string): Promise<State | undefined> {
    // Asked all the same it would keep every command waiting until it is given up.
    if (!this.model.available) return undefined
    try {
      return await this.model.loadState(assistantId, commandId)
    } catch (error) {
      if (error instanceof StreamUnreadable) throw unreadable(error)
      this.warn(`the read model gave no state, so the stream is read whole: ${(error as Error).message}`)
      return undefined
    }
  }
}

/** The refusal for an assistant with an event that cannot be read. */
export const unreadable = ({ stream, revision }: { readonly stream: string; readonly revision: bigint }) =>
  new RefusalError(
    refuse(
      'unreadable',
      `Event ${revision} of stream ${stream} cannot be read by this version of the service`,
      {
        revision: Number(revision),
      },
    ),
  )
