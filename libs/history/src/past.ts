// What was, read from the log alone: chronicles of assistants, remembered between questions, and the contents that they
// point to. The one way in which the service and the command line look at the past.
import {
  assistantStream,
  type Content,
  fleetStream,
  type JsonObject,
  readEvent,
} from '@assistant-ledger/assistant'
import type { EventLog, RecordedEvent } from '@assistant-ledger/event-log'
import { Chronicle, type Made } from './chronicle.js'
import { Memory } from './memory.js'

export class Past {
  /** Events of streams that were read through this one. */
  read = 0

  constructor(
    readonly log: EventLog,
    readonly project: string,
    private readonly memory: Memory = new Memory(),
  ) {}

  /** The same past with a count of its own. */
  counting(): Past {
    return new Past(this.log, this.project, this.memory)
  }

  /** What the names of the assistants' streams begin with. */
  get prefix(): string {
    return assistantStream(this.project, '')
  }

  streamOf(assistantId: string): string {
    return assistantStream(this.project, assistantId)
  }

  fleetStreamOf(assistantId: string): string {
    return fleetStream(this.project, assistantId)
  }

  /**
   * An assistant's chronicle; without events when there never was one.
   * @param upTo a revision that is in the log, with which it is enough; absent: everything there is by now
   * @throws LogUnavailable
   */
  async of(assistantId: string, upTo?: bigint): Promise<Chronicle> {
    const chronicle = this.memory.get(assistantId) ?? new Chronicle(this.streamOf(assistantId))
    const enough =
      upTo === undefined
        ? chronicle.next > 0n && !this.log.mayGoPast(chronicle.stream, chronicle.position)
        : upTo < chronicle.next
    if (!enough && !chronicle.unreadable)
      for await (const event of this.log.readStream(chronicle.stream, { from: chronicle.next })) {
        this.read += 1
        chronicle.add(event)
      }
    this.memory.keep(chronicle)
    return chronicle
  }

  /** The chronicle that an event belongs to, with it as its last one or further. */
  async with(event: RecordedEvent): Promise<Chronicle> {
    const assistantId = event.stream.slice(this.prefix.length)
    const known = this.memory.get(assistantId)
    // Whoever follows has the very next event in hand.
    if (known?.next === event.revision) {
      known.add(event)
      this.memory.keep(known)
      return known
    }
    return this.of(assistantId, event.revision)
  }

  /** @throws Error when the event is not in its stream any more */
  async contentOf(chronicle: Chronicle, made: Pick<Made, 'revision'>): Promise<Content> {
    const { stream } = chronicle
    for await (const stored of this.log.readStream(stream, { from: made.revision, limit: 1 })) {
      this.read += 1
      const { event } = readEvent(stored)
      if (event.type === 'AssistantCreated' || event.type === 'ConfigChanged') return event.data.content
    }
    throw new Error(`revision ${made.revision} of ${stream} holds no content`)
  }

  async metadataOf(chronicle: Chronicle, made: Made): Promise<JsonObject> {
    return made.metadata ?? (await this.contentOf(chronicle, made)).metadata
  }
}
