// An assistant of a LangGraph server, with its versions as they are numbered there. What is here already is compared and
// stays; what is missing is appended, so that an import that is run again writes nothing twice.
import { randomBytes, randomUUID } from 'node:crypto'
import {
  type AssistantEvent,
  commandHashOf,
  decideImport,
  EMPTY,
  fold,
  type GivenLife,
  lastLiveOf,
  type Recorded,
  type SealedEvent,
  seal,
  timestamp,
} from '@assistant-ledger/assistant'
import { type EventLog, LogConflict } from '@assistant-ledger/event-log'
import { RefusalError } from '../bus/contract.js'
import { appendSurely } from '../commands/append.js'
import type { Sender } from '../headers.js'
import type { Streams } from '../streams.js'
import { conflicting } from './import-requests.js'

/** Events of one append, and characters of their data: well below what one may have. */
const EVENTS_AN_APPEND = 100
const CHARACTERS_AN_APPEND = 256 * 1024

export class ImportAssistant {
  constructor(
    private readonly log: EventLog,
    private readonly streams: Streams,
  ) {}

  /**
   * Appends what is missing, and says how many events that were.
   * @throws RefusalError `conflict` when what is here is not what is there
   */
  async import(given: GivenLife, sender: Sender): Promise<number> {
    const { assistantId } = given
    const stream = this.streams.nameOf(assistantId)
    const recorded: Recorded[] = []
    for await (const one of this.streams.events(assistantId, 0n)) recorded.push(one)
    const { head, ...rest } = fold(EMPTY, recorded)
    const lastLive = lastLiveOf(recorded.map(({ event }) => event))
    const events = decideImport({ head, ...rest }, given, lastLive, salt)
    if ('code' in events) throw new RefusalError(events)
    const { actor, reason } = sender
    const sealed = seal(events, head, {
      stream,
      actor,
      ...(reason === undefined ? {} : { reason }),
      commandId: randomUUID(),
      commandHash: commandHashOf({
        verb: 'import',
        assistant_id: assistantId,
        request: { from: given.from },
      }),
      now: timestamp(Date.now()),
    })
    let revision = head?.revision
    for (const some of portions(sealed))
      try {
        revision = (await appendSurely(this.log, stream, revision ?? 'no_stream', some)).revision
      } catch (error) {
        if (!(error instanceof LogConflict)) throw error
        throw conflicting(
          stream,
          Number(revision ?? -1n) + 1,
          'somebody else has written there meanwhile; try again',
        )
      }
    return sealed.length
  }
}

function* portions(events: readonly SealedEvent<AssistantEvent>[]): Generator<SealedEvent<AssistantEvent>[]> {
  let some: SealedEvent<AssistantEvent>[] = []
  let characters = 0
  for (const event of events) {
    const size = JSON.stringify(event.data).length
    if (some.length > 0 && (some.length === EVENTS_AN_APPEND || characters + size > CHARACTERS_AN_APPEND)) {
      yield some
      some = []
      characters = 0
    }
    some.push(event)
    characters += size
  }
  if (some.length > 0) yield some
}

const salt = () => randomBytes(16).toString('base64url')
