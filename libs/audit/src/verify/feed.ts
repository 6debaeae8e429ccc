// The event stream against the log: message by message, in order, within what the stream keeps. An event that is younger
// than that must be there; what the publisher is about to publish is waited for.
import { assistantIdOf, assistantStream } from '@assistant-ledger/assistant'
import {
  eventMessage,
  eventStream,
  eventSubject,
  ID_HEADER,
  POSITION_HEADER,
} from '@assistant-ledger/change-feed'
import type { LogForReading, RecordedEvent } from '@assistant-ledger/event-log'
import type { JsMsg } from '@nats-io/jetstream'
import type { Findings, Place } from './findings.js'
import { timeOf } from './pass.js'
import { type Bus, readStored } from './stored.js'

/** What the server keeps of the publisher's own. */
const EXPECTED_HEADER = 'Nats-Expected-Last-Sequence'

export interface FeedOptions {
  readonly bus: Bus
  readonly log: LogForReading
  /** The stretch of the log that has to be there. */
  readonly after: bigint | undefined
  readonly through: bigint
  /** Milliseconds since 1970: events before it may be gone. */
  readonly keptSince_ms: number
  /** How long publication may take to be where the log was when it was read. */
  readonly patience_ms: number
  readonly findings: Findings
  readonly signal: AbortSignal
  onProgress(messages: number): void
}

/** @returns messages that were compared */
export async function compareFeed(options: FeedOptions): Promise<number> {
  const { bus, log, findings, signal, through, onProgress } = options
  const stored = {
    stream: eventStream(log.project),
    which: 'all',
    waitAtEnd_ms: options.after === undefined ? 0 : options.patience_ms,
    signal,
  } as const
  let messages = 0
  let events: AsyncIterator<RecordedEvent> | undefined
  let wanted: RecordedEvent | undefined
  const begin = async (after: bigint | undefined) => {
    events = eventsOf(log, after, through, signal)
    await next()
  }
  const next = async () => {
    const { value, done } = (await events?.next()) ?? { done: true }
    wanted = done ? undefined : value
  }
  const missing = (event: RecordedEvent) => {
    if (timeOf(event) >= options.keptSince_ms) findings.add('feed', placeOf(event), 'its message is missing')
  }
  for await (const message of readStored(bus, stored)) {
    const position = positionOf(message)
    // The first message may be of an event that could be gone already: the comparison begins there.
    if (!events) await begin(least(options.after, position))
    messages += 1
    if (messages % 1000 === 0) onProgress(messages)
    // What comes after the stretch was not verified in the log yet.
    if (position !== undefined && position > through) break
    while (wanted && position !== undefined && wanted.position < position) {
      missing(wanted)
      await next()
    }
    if (wanted && position === wanted.position) {
      for (const what of differences(message, wanted, log.project))
        findings.add('feed', { ...placeOf(wanted), sequence: message.seq }, what)
      await next()
    } else findings.add('feed', { sequence: message.seq }, strange(message, position))
    if (!wanted && message.info.pending === 0) break
  }
  if (!events) await begin(options.after)
  for (; wanted; await next()) missing(wanted)
  return messages
}

function positionOf(message: JsMsg): bigint | undefined {
  const text = message.headers?.get(POSITION_HEADER) ?? ''
  return /^\d{1,20}$/.test(text) ? BigInt(text) : undefined
}

/** Just before the first event that has to be there, or the first that is. */
function least(after: bigint | undefined, first: bigint | undefined): bigint | undefined {
  if (first === undefined) return after
  return after === undefined || first <= after ? first - 1n : after
}

const strange = (message: JsMsg, position: bigint | undefined): string =>
  position === undefined
    ? `the message ${message.headers?.get(ID_HEADER) || 'without an id'} names no position of the log`
    : `the message ${message.headers?.get(ID_HEADER)} at position ${position} is none of the log, or stands out of order`

function differences(message: JsMsg, event: RecordedEvent, project: string): string[] {
  const { headers, body } = eventMessage(event, project)
  const found: string[] = []
  const subject = eventSubject(project, assistantIdOf(event.stream) ?? '')
  if (message.subject !== subject) found.push(`its subject is ${message.subject}, not ${subject}`)
  for (const name of new Set([...headers.keys(), ...(message.headers?.keys() ?? [])])) {
    if (name === EXPECTED_HEADER) continue
    const [has, wants] = [message.headers?.get(name) ?? '', headers.get(name)]
    if (has !== wants)
      found.push(`its header ${name} is ${JSON.stringify(has)}, not ${JSON.stringify(wants)}`)
  }
  if (message.string() !== body) found.push('its body is not the data of the event')
  return found
}

const placeOf = ({ stream, revision, position }: RecordedEvent): Place => ({
  stream,
  revision: Number(revision),
  position: String(position),
})

/** The assistants' events of a stretch, one by one. */
async function* eventsOf(
  log: LogForReading,
  after: bigint | undefined,
  through: bigint,
  signal: AbortSignal,
): AsyncGenerator<RecordedEvent> {
  if (after === undefined) return
  const prefix = assistantStream(log.project, '')
  const wanted = (stream: string) => stream.startsWith(prefix)
  for await (const page of log.pages({ after, through, wanted, signal }))
    for (const row of page) {
      try {
        yield { ...row, data: JSON.parse(row.data), metadata: JSON.parse(row.metadata) }
      } catch {
        // Named already, as an event of the log; its message cannot be told.
      }
    }
}
