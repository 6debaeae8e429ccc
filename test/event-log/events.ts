// Events and streams for the log's tests, and short ways to take from its iterables.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type Appended,
  type EventData,
  type EventLog,
  type ExpectedRevision,
  LogInDoubt,
  LogUnavailable,
} from '../../libs/event-log/src/index.js'

/** The project of this run: nobody else's streams are seen in it, also on an event store that others use. */
export const PROJECT = `contract_${randomUUID().replaceAll('-', '').slice(0, 16)}`

/** A name space that no other case writes to. */
export const freshPrefix = (): string => `contract.${PROJECT}-${randomUUID().replaceAll('-', '')}-`

export const freshStream = (): string => `${freshPrefix()}${randomUUID()}`

export const event = (data: object = {}, id: string = randomUUID()): EventData => ({
  id,
  type: 'Something',
  data,
  metadata: { note: 'a test' },
})

/** Events whose data is `{ n: from }`, `{ n: from + 1 }`, … */
export const numbered = (count: number, from = 0): EventData[] =>
  Array.from({ length: count }, (_, i) => event({ n: from + i }))

export const numberOf = ({ data }: { readonly data: unknown }): number => (data as { n: number }).n

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i)

/**
 * An append whose outcome is settled: one in doubt is sent again as it is, and one that could not be sent as well.
 * @param failed told of each attempt that settled nothing
 */
export async function appendSurely(
  log: EventLog,
  stream: string,
  expected: ExpectedRevision,
  events: readonly EventData[],
  failed: (error: LogInDoubt | LogUnavailable) => void = () => undefined,
): Promise<Appended> {
  for (;;)
    try {
      return await log.append(stream, expected, events)
    } catch (error) {
      if (!(error instanceof LogInDoubt || error instanceof LogUnavailable)) throw error
      failed(error)
      // A log that is away refuses at once.
      await pause(20)
    }
}

/** Appends `total` numbered events, `each` at a time. */
export async function fill(log: EventLog, stream: string, total: number, each: number): Promise<void> {
  let expected: ExpectedRevision = 'no_stream'
  for (let from = 0; from < total; from += each)
    expected = (await log.append(stream, expected, numbered(Math.min(each, total - from), from))).revision
}
