// Reads of the whole log, `$all`. The server finds an event by its position only where one begins, and the port gives
// and takes any number: what lies between two events is looked for here.
import { type AllStreamResolvedEvent, BACKWARDS, END, FORWARDS, START } from '@eventstore/db-client'
import type { Connection } from './connection.js'
import { failureOf } from './failures.js'
import { READ_AHEAD, readFrom } from './read.js'
import { LAST_POSITION, positionOf, type Resolved } from './recorded.js'

/** How the whole log is read. */
export interface Reading {
  readonly connection: Connection
  /** A follower reads where it has subscribed, so that both see the same; all else is asked of the leader. */
  readonly requiresLeader: boolean
  readonly signals: readonly AbortSignal[]
}

/** Something that stands in the log, with its position. */
export interface Placed {
  readonly resolved: Resolved
  readonly position: bigint
}

/** Everything past a position, forward. */
export async function* past(reading: Reading, after: bigint): AsyncGenerator<Placed> {
  // From where an event begins: at the position itself, next to it for who asks for one less than a position, or at
  // the last one before it, which the newest events are gone back for.
  const starts: readonly (() => Promise<From> | From)[] =
    after <= 0n
      ? [() => START]
      : [
          () => after,
          () => after + 1n,
          async () => (await firstOf(before(reading, after)))?.position ?? START,
        ]
  for (const [i, start] of starts.entries()) {
    let any = false
    try {
      for await (const placed of read(reading, FORWARDS, await start())) {
        any = true
        if (placed.position > after) yield placed
      }
      return
    } catch (error) {
      if (any || i === starts.length - 1 || failureOf(error).type !== 'unknown') throw error
    }
  }
}

/** Everything before a position, backward; all that there is without one. */
export async function* before(reading: Reading, position: bigint | undefined): AsyncGenerator<Placed> {
  let any = false
  if (position !== undefined && position <= LAST_POSITION)
    try {
      for await (const placed of read(reading, BACKWARDS, position)) {
        any = true
        if (placed.position < position) yield placed
      }
      return
    } catch (error) {
      if (any || failureOf(error).type !== 'unknown') throw error
    }
  for await (const placed of read(reading, BACKWARDS, END))
    if (position === undefined || placed.position < position) yield placed
}

/** The newest events, backward, at most so many. */
export const newestFirst = (reading: Reading, limit: number): AsyncIterable<Placed> =>
  read(reading, BACKWARDS, END, limit)

/** The newest event's position, whoever it is of; 0n for none. */
export async function newest(reading: Reading): Promise<bigint> {
  return (await firstOf(newestFirst(reading, 1)))?.position ?? 0n
}

/**
 * Where to subscribe from, so that exactly what is past a position comes. The server skips the first event at or after
 * the position that it is given: one that nobody has seen when none stands there any more (a scavenge took it) or yet.
 */
export async function subscriptionStart(
  reading: Reading,
  after: bigint,
): Promise<{ readonly from: bigint; readonly skipped: Placed | undefined }> {
  if (after <= 0n) return { from: 0n, skipped: undefined }
  let first: Placed | undefined
  try {
    first = await firstOf(read(reading, FORWARDS, after, 1))
  } catch (error) {
    if (failureOf(error).type !== 'unknown') throw error
    first = undefined
  }
  if (first) return { from: first.position, skipped: first.position > after ? first : undefined }
  return { from: (await firstOf(before(reading, after)))?.position ?? 0n, skipped: undefined }
}

type From = bigint | typeof START | typeof END

async function* read(
  { connection, requiresLeader, signals }: Reading,
  direction: typeof FORWARDS | typeof BACKWARDS,
  from: From,
  maxCount = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<Placed> {
  const fromPosition = typeof from === 'bigint' ? { commit: from, prepare: from } : from
  const options = { direction, fromPosition, maxCount, requiresLeader }
  const events = readFrom<AllStreamResolvedEvent>(
    connection,
    (client) => client.readAll(options, READ_AHEAD),
    signals,
  )
  for await (const resolved of events)
    if (resolved.event) yield { resolved, position: positionOf(resolved.event) }
}

async function firstOf<Item>(items: AsyncIterable<Item>): Promise<Item | undefined> {
  for await (const item of items) return item
  return undefined
}
