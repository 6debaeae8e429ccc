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
import { HISTORY_LIMITS } from './limits.js'

export class Past {
  /** Events that were read so far: what a page's bound counts. */
  read = 0
  /** Those used last stand last. */
  private readonly chronicles = new Map<string, Chronicle>()
  private remembered = 0

  constructor(
    readonly log: EventLog,
    readonly project: string,
    private readonly most: number = HISTORY_LIMITS.remembered,
  ) {}

  /** Events whose chronicles are kept. */
  get rememberedEvents(): number {
    return this.remembered
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
    const chronicle = this.chronicles.get(assistantId) ?? new Chronicle(this.streamOf(assistantId))
    const enough =
      upTo === undefined
        ? chronicle.next > 0n && !this.log.mayGoPast(chronicle.stream, chronicle.position)
        : upTo < chronicle.next
    if (!enough && !chronicle.unreadable)
      for await (const event of this.log.readStream(chronicle.stream, { from: chronicle.next })) {
        this.read += 1
        chronicle.add(event)
      }
    this.remember(chronicle)
    return chronicle
  }

  /** The chronicle that an event belongs to, with it as its last one or further. */
  async with(event: RecordedEvent): Promise<Chronicle> {
    const assistantId = event.stream.slice(this.prefix.length)
    const known = this.chronicles.get(assistantId)
    // Whoever follows has the very next event in hand.
    if (known?.next === event.revision) {
      known.add(event)
      this.remember(known)
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

  private remember(chronicle: Chronicle): void {
    const { assistantId } = chronicle
    this.forget(assistantId)
    if (chronicle.next === 0n) return
    this.chronicles.set(assistantId, chronicle)
    this.remembered += this.weightOf(chronicle)
    for (const [oldest] of this.chronicles) {
      if (this.remembered <= this.most) return
      this.forget(oldest)
    }
  }

  private readonly weights = new Map<string, number>()

  private weightOf(chronicle: Chronicle): number {
    const weight = Number(chronicle.next)
    this.weights.set(chronicle.assistantId, weight)
    return weight
  }

  private forget(assistantId: string): void {
    if (!this.chronicles.delete(assistantId)) return
    this.remembered -= this.weights.get(assistantId) ?? 0
    this.weights.delete(assistantId)
  }
}
