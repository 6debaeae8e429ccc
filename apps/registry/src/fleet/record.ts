// Appends to the fleet's streams: one event after the other, each on top of the newest, whoever appended that.
import { randomBytes, randomUUID } from 'node:crypto'
import {
  commandHashOf,
  type FleetEvent,
  fleetStream,
  type Head,
  sealFleetEvent,
  timestamp,
  uuid5,
} from '@assistant-ledger/assistant'
import type { EventLog } from '@assistant-ledger/event-log'
import { appendSurely } from '../commands/append.js'

const FLEET = '3f0f6c0a-6d2f-5b7e-9a54-2f1d7d9c8e04'

/** The id in the name of the fleet's own stream: who is there and who is not. */
export const fleetId = (project: string): string => uuid5(FLEET, project)

export class FleetLog {
  private readonly heads = new Map<string, Head>()

  constructor(
    private readonly log: EventLog,
    private readonly project: string,
  ) {}

  /**
   * Looks up the newest event of a stream that others may append to: what is decided after this, on what was recorded
   * up to here, is appended on top of that event or not at all.
   * @returns the event's position, for the read model to be at first; 0n when it is known from an append of our own
   * @throws LogUnavailable
   */
  async look(id: string): Promise<bigint> {
    const stream = fleetStream(this.project, id)
    if (this.heads.has(stream)) return 0n
    const { head, position } = await this.newest(stream)
    this.remember(stream, head)
    return position
  }

  /**
   * Records an event in the stream `fleet.<project>-<id>`; resolves with its position.
   * @throws LogConflict somebody else has appended to it since: what to record may be another thing by now
   * @throws RefusalError when the log cannot be reached
   */
  async append<Data>(id: string, event: { type: FleetEvent['type']; data: Data }): Promise<bigint> {
    const stream = fleetStream(this.project, id)
    const salt = randomBytes(16).toString('base64url')
    const head = this.heads.has(stream) ? this.heads.get(stream) : (await this.newest(stream)).head
    const sealed = sealFleetEvent(
      { ...event, data: { ...event.data, salt } } as unknown as FleetEvent,
      head,
      {
        stream,
        now: timestamp(Date.now()),
        commandId: randomUUID(),
        commandHash: commandHashOf({ verb: event.type, assistant_id: undefined, request: {} }),
      },
    )
    // Forgotten until it is known what became of it: the next append looks.
    this.heads.delete(stream)
    const expected = head?.revision ?? 'no_stream'
    const { position, revision } = await appendSurely(this.log, stream, expected, [sealed])
    const { hash, at } = sealed.metadata
    this.remember(stream, { revision, hash, at })
    return position
  }

  /** Others may have appended to the streams: their newest events are looked up again. */
  forget(): void {
    this.heads.clear()
  }

  private async newest(stream: string): Promise<{ readonly head: Head; readonly position: bigint }> {
    for await (const { revision, metadata, position } of this.log.readStream(stream, {
      direction: 'backward',
      limit: 1,
    })) {
      const { hash, at } = metadata as { hash: string; at: string }
      return { head: { revision, hash, at }, position }
    }
    return { head: undefined, position: 0n }
  }

  private remember(stream: string, head: Head): void {
    this.heads.delete(stream)
    this.heads.set(stream, head)
    if (this.heads.size <= HEADS_KEPT) return
    const [oldest] = this.heads.keys()
    this.heads.delete(oldest as string)
  }
}

/** Streams whose newest event is known without a look at the log. */
const HEADS_KEPT = 10_000
