// The state that decisions are taken on: a fold over the events of one stream, or a read-model row with the
// tail of the stream folded on top. The two are equal wherever both know something.
import type { Content } from './content.js'
import { type AssistantEvent, type Recorded, shownAt } from './events.js'

/** Where an environment points, and (as a linked list) what was there before. */
export interface Pointer {
  readonly version: number
  /** Stream revision of the event that set the pointer: what `moved` compares. */
  readonly revision: bigint
  readonly at: string
  /** What a rollback goes back to; `'not-loaded'` when the state was loaded without it. */
  readonly below: Pointer | undefined | 'not-loaded'
}

/** What a command's first answer showed. */
export type Outcome =
  | {
      readonly type: 'shown'
      readonly generation: number
      readonly version: number
      readonly updatedAt: string
    }
  | { readonly type: 'deleted' }

export interface CommandRecord {
  readonly commandHash: string
  /** Revision of the command's last event. */
  readonly revision: bigint
  readonly outcome: Outcome
}

/** An assistant that exists now. */
export interface Life {
  readonly createdAt: string
  /** Versions 1..highest exist. */
  readonly highest: number
  readonly environments: ReadonlyMap<string, Pointer>
  /** Content by version; a state loaded from a row holds only some. */
  readonly contents: ReadonlyMap<number, Content>
}

export interface State {
  /** The newest event; undefined when the stream has none. */
  readonly head: { readonly revision: bigint; readonly hash: string; readonly at: string } | undefined
  /** The present or last generation; 0 before the first. */
  readonly generation: number
  /** Undefined before creation and after deletion. */
  readonly life: Life | undefined
  /** Commands seen, by command id; a state loaded from a row knows those of its tail and the one looked up. */
  readonly commands: ReadonlyMap<string, CommandRecord>
}

export const EMPTY: State = { head: undefined, generation: 0, life: undefined, commands: new Map() }

/** The environment that the LangGraph API shows. */
export const LIVE = 'live'

/** The state after one more event. Total: whatever the order of events, it returns a state. */
export const evolve = (state: State, recorded: Recorded): State => fold(state, [recorded])

/** The state after more events of its stream, in their order. Copies what it changes once, not once an event. */
export function fold(state: State, events: Iterable<Recorded>): State {
  const draft = new Draft(state)
  for (const recorded of events) draft.apply(recorded)
  return draft.state()
}

/** A state under construction: the maps are its own, so that a long stream folds in linear time. */
class Draft {
  private head: State['head']
  private generation: number
  private readonly commands: Map<string, CommandRecord>
  private life:
    | {
        createdAt: string
        highest: number
        environments: Map<string, Pointer>
        contents: Map<number, Content>
      }
    | undefined

  constructor({ head, generation, life, commands }: State) {
    this.head = head
    this.generation = generation
    this.commands = new Map(commands)
    this.life = life && {
      ...life,
      environments: new Map(life.environments),
      contents: new Map(life.contents),
    }
  }

  state(): State {
    return { head: this.head, generation: this.generation, life: this.life, commands: this.commands }
  }

  apply({ revision, event, metadata }: Recorded): void {
    const { at, hash, commandId, commandHash } = metadata
    this.move(event, revision, shownAt(event, at))
    this.head = { revision, hash, at }
    this.commands.set(commandId, { commandHash, revision, outcome: outcomeOf(event, this.generation, at) })
  }

  private move(event: AssistantEvent, revision: bigint, at: string): void {
    switch (event.type) {
      case 'AssistantCreated': {
        const { generation, content } = event.data
        const live: Pointer = { version: 1, revision, at, below: undefined }
        this.generation = generation
        this.life = {
          createdAt: at,
          highest: 1,
          environments: new Map([[LIVE, live]]),
          contents: new Map([[1, content]]),
        }
        return
      }
      case 'ConfigChanged':
        if (!this.life) return
        this.life.highest = event.data.version
        this.life.contents.set(event.data.version, event.data.content)
        return
      case 'VersionPromoted': {
        const { environment, version, rollback } = event.data
        const top = this.life?.environments.get(environment)
        const below = rollback ? beneath(beneath(top)) : top
        this.life?.environments.set(environment, { version, revision, at, below })
        return
      }
      case 'AssistantDeleted':
        this.life = undefined
        return
      case 'CommandNoted':
        return
      default:
        event satisfies never
    }
  }
}

/** What a command's first answer showed, from the last event that it recorded. */
export function outcomeOf(event: AssistantEvent, generation: number, at: string): Outcome {
  switch (event.type) {
    case 'AssistantCreated':
    case 'ConfigChanged':
    case 'VersionPromoted':
      return { type: 'shown', generation, version: event.data.version, updatedAt: at }
    case 'CommandNoted':
      return {
        type: 'shown',
        generation: event.data.generation,
        version: event.data.version,
        updatedAt: event.data.updated_at,
      }
    case 'AssistantDeleted':
      return { type: 'deleted' }
    default:
      return event satisfies never
  }
}

/** What a rollback of this pointer goes back to. */
export const beneath = (pointer: Pointer['below']): Pointer['below'] =>
  typeof pointer === 'object' ? pointer.below : pointer
