// What a case does to a server through the real client, and how what it saw is put down so that it can be compared.
import { randomUUID } from 'node:crypto'
import {
  type AllStreamResolvedEvent,
  type AppendToStreamOptions,
  type EventData,
  EventStoreDBClient,
  jsonEvent,
  type Position,
  type ResolvedEvent,
} from '@eventstore/db-client'

/** Which of its two calls the client appends with: credentials for one call make it the classic one. */
export type Path = 'classic' | 'batch'
const CREDENTIALS = { username: 'nobody', password: 'nothing' }

/** A server and two clients of it: subscriptions have one of their own. */
export class Server {
  readonly client: EventStoreDBClient
  readonly subscriber: EventStoreDBClient

  constructor(url: string) {
    this.client = EventStoreDBClient.connectionString(url)
    this.subscriber = EventStoreDBClient.connectionString(url)
  }

  append(
    stream: string,
    events: EventData[],
    expectedRevision: Required<AppendToStreamOptions>['expectedRevision'],
    path: Path = 'classic',
  ) {
    return this.client.appendToStream(stream, events, {
      expectedRevision,
      ...(path === 'classic' ? { credentials: CREDENTIALS } : {}),
    })
  }

  /** Appends so many events, whatever is there. */
  fill(stream: string, count: number) {
    return this.append(stream, events(count), 'any')
  }

  /** Positions of a stream's events. */
  async positions(stream: string): Promise<Position[]> {
    const positions: Position[] = []
    // Reads are read to their end: one that is left half way stays open, and dispose() waits for it for ever.
    for await (const { event } of this.client.readStream(stream))
      if (event?.position) positions.push(event.position)
    return positions
  }

  async close(): Promise<void> {
    await this.client.dispose()
    await this.subscriber.dispose()
  }
}

export const freshStream = (): string => `standin.${randomUUID().replaceAll('-', '')}-${randomUUID()}`

export const event = (data: object = {}, id: string = randomUUID()): EventData =>
  jsonEvent({ id, type: 'Something', data: data as Record<string, string> })

export const events = (count: number): EventData[] => Array.from({ length: count }, () => event())

/** An error's type, as the client tells it, with what it says beside. */
export function failure(error: unknown): string {
  const { type, code, message, actualVersion } = error as Record<string, unknown>
  if (type === 'wrong-expected-version') return `${type}, is at ${actualVersion}`
  return type === 'unknown' ? `${type}: ${message}` : `${type ?? `code ${code}`}`
}

/** The revisions that a read gives, and how it ended if not well: `0 1 2`. */
export async function revisions(
  read: AsyncIterable<ResolvedEvent | AllStreamResolvedEvent>,
): Promise<string> {
  const seen: string[] = []
  try {
    for await (const { event } of read) seen.push(`${event?.revision}`)
  } catch (error) {
    seen.push(failure(error))
  }
  return seen.join(' ')
}
