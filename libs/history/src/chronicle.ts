// An assistant's life as an index over its stream: what every event found and left, without the contents. It says which
// version any point in time, position or environment meant, and where in the stream that version's content stands.
import {
  type Actor,
  assistantIdOf,
  type Content,
  contentHash,
  type JsonObject,
  LIVE,
  type Recorded,
  readEvent,
  UnreadableEvent,
} from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import { HISTORY_LIMITS } from './limits.js'
import type { Moment } from './points.js'

/** A version as it was made. */
export interface Made {
  readonly generation: number
  readonly version: number
  /** Of the event that holds its content. */
  readonly revision: bigint
  readonly position: bigint
  readonly at: string
  readonly actor: Actor
  readonly reason?: string
  readonly graphId: string
  /** What the assistant is called in it. */
  readonly name: string
  /** The content's hash. */
  readonly hash: string
  /** The version that it was made from, the live one of that moment; undefined for the first of a life. */
  readonly builtOn?: number
  /** Undefined when it is too large to be remembered. */
  readonly metadata: JsonObject | undefined
}

/** Where an environment points, since when. */
export interface Pointed {
  readonly version: number
  readonly at: string
  readonly revision: bigint
}

/** The assistant after an event, or before the first. */
export interface Step {
  /** Of the present life or of the last one; 0 before the first. */
  readonly generation: number
  /** Undefined while it does not exist. */
  readonly life:
    | {
        readonly createdAt: string
        readonly highest: number
        readonly pointers: ReadonlyMap<string, Pointed>
      }
    | undefined
}

const BEFORE_ALL: Step = { generation: 0, life: undefined }

export class Chronicle {
  readonly assistantId: string
  /** From there on nothing is known, since that event cannot be read. */
  unreadable: UnreadableEvent | undefined
  private readonly steps: Step[] = []
  private readonly times: string[] = []
  private readonly positions: bigint[] = []
  private readonly versions = new Map<string, Made>()

  constructor(readonly stream: string) {
    this.assistantId = assistantIdOf(stream) ?? ''
  }

  /** Revision of the next event that is to be added: as many as there are. */
  get next(): bigint {
    return BigInt(this.steps.length)
  }

  /** Position of the newest event; 0n without one. */
  get position(): bigint {
    return this.positions.at(-1) ?? 0n
  }

  /** Takes the next event of the stream; one that was taken before changes nothing. */
  add(stored: RecordedEvent): void {
    if (this.unreadable || stored.revision < this.next) return
    try {
      if (stored.revision > this.next)
        throw new UnreadableEvent(this.stream, this.next, `revision ${stored.revision} follows in its place`)
      const recorded = readEvent(stored)
      this.steps.push(this.moved(recorded, stored.position))
      this.times.push(recorded.metadata.at)
      this.positions.push(stored.position)
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error
      this.unreadable = error
    }
  }

  /** The assistant right after the event of that revision; -1n: before the first. */
  after(revision: bigint): Step {
    return this.steps[Number(revision)] ?? BEFORE_ALL
  }

  get now(): Step {
    return this.steps.at(-1) ?? BEFORE_ALL
  }

  /** Revision of the newest event at or before a moment; -1n when there is none. */
  revisionAt(moment: Moment): bigint {
    return moment.type === 'time'
      ? lastUpTo(this.times, moment.at)
      : lastUpTo(this.positions, moment.position)
  }

  /** When the event of that revision was recorded; '' beyond what can be read. */
  timeOf(revision: bigint): string {
    return this.times[Number(revision)] ?? ''
  }

  version(generation: number, version: number): Made | undefined {
    return this.versions.get(keyOf(generation, version))
  }

  /** What `live` showed after that event; of an assistant that is gone, what it showed last. */
  liveAfter(revision: bigint): Made | undefined {
    for (let r = revision; r >= 0n; r--) {
      const { generation, life } = this.after(r)
      const live = life?.pointers.get(LIVE)
      if (live) return this.version(generation, live.version)
    }
    return undefined
  }

  private moved({ revision, event, metadata }: Recorded, position: bigint): Step {
    const before = this.now
    const { at } = metadata
    switch (event.type) {
      case 'AssistantCreated': {
        const { generation, content } = event.data
        this.make({ generation, version: 1 }, content, { revision, metadata }, position)
        return {
          generation,
          life: { createdAt: at, highest: 1, pointers: new Map([[LIVE, { version: 1, at, revision }]]) },
        }
      }
      case 'ConfigChanged': {
        const { version, content } = event.data
        const { generation, life } = before
        if (!life) return before
        const builtOn = life.pointers.get(LIVE)?.version
        this.make({ generation, version, builtOn }, content, { revision, metadata }, position)
        return { generation, life: { ...life, highest: version } }
      }
      case 'VersionPromoted': {
        const { environment, version } = event.data
        const { generation, life } = before
        if (!life) return before
        const pointers = new Map(life.pointers).set(environment, { version, at, revision })
        return { generation, life: { ...life, pointers } }
      }
      case 'AssistantDeleted':
        return { generation: before.generation, life: undefined }
      case 'CommandNoted':
        return before
      default:
        return event satisfies never
    }
  }

  private make(
    of: { generation: number; version: number; builtOn?: number | undefined },
    content: Content,
    { revision, metadata }: Pick<Recorded, 'revision' | 'metadata'>,
    position: bigint,
  ): void {
    const { generation, version, builtOn } = of
    const { at, actor, reason } = metadata
    const small = JSON.stringify(content.metadata).length <= HISTORY_LIMITS.metadata
    this.versions.set(keyOf(generation, version), {
      generation,
      version,
      revision,
      position,
      at,
      actor,
      ...(reason === undefined ? {} : { reason }),
      graphId: content.graph_id,
      name: content.name,
      hash: contentHash(content),
      ...(builtOn === undefined ? {} : { builtOn }),
      metadata: small ? content.metadata : undefined,
    })
  }
}

const keyOf = (generation: number, version: number): string => `${generation}.${version}`

/** Index of the last of ascending values that is not greater; -1n when all are. */
function lastUpTo<T extends string | bigint>(values: readonly T[], most: T): bigint {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((values[middle] as T) <= most) low = middle + 1
    else high = middle
  }
  return BigInt(low - 1)
}
