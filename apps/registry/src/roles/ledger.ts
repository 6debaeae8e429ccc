// The log's knowledge of itself. A new log gets its id before anything else is written; a log that is behind what
// NATS has seen, and was accepted, gets its next epoch.
import { randomBytes, randomUUID } from 'node:crypto'
import {
  type Actor,
  commandHashOf,
  type EventsImported,
  type Head,
  type Ledger,
  type LedgerEvent,
  ledgerStream,
  sealLedgerEvent,
  timestamp,
} from '@assistant-ledger/assistant'
import { type EventLog, LogConflict } from '@assistant-ledger/event-log'
import { readLedger } from '../checkpoints/stream.js'
import { appendSurely } from '../commands/append.js'
import { LIMITS } from '../limits.js'

/**
 * Opens the project's ledger: reads what it says, and begins it in a log that has none.
 * @throws LogUnavailable @throws RefusalError `unavailable`
 */
export async function openLedger(log: EventLog, project: string): Promise<Ledger> {
  const { ledger } = await readLedger(log, project)
  if (ledger) return ledger
  const data = { log_id: randomUUID(), salt: salt() }
  try {
    await append(log, project, undefined, { type: 'LedgerOpened', data })
  } catch (error) {
    // Another replica has begun it in between.
    if (!(error instanceof LogConflict)) throw error
  }
  return (await readLedger(log, project)).ledger as Ledger
}

export interface Seen {
  readonly position: bigint
  readonly epoch: number
}

/**
 * From here on this log's values win over everything that was published beyond its end.
 * @param seen the position and the epoch that NATS has seen
 * @returns the position of the event that says so
 */
export async function raiseEpoch(log: EventLog, project: string, seen: Seen): Promise<bigint> {
  const { ledger, head } = await readLedger(log, project)
  // Greater than both: a copy that is restored again is in the epoch that it had the first time.
  const epoch = Math.max(ledger?.epoch ?? 0, seen.epoch) + 1
  const data = { epoch, seen_position: String(seen.position), salt: salt() }
  return append(log, project, head, { type: 'EpochRaised', data })
}

/** Who did something to the log itself, and why. */
export interface By {
  readonly actor: Actor
  readonly reason?: string
}

/**
 * Notes that events of another log were appended here.
 * @throws LogConflict others keep writing to the stream
 */
export async function noteImport(
  log: EventLog,
  project: string,
  of: Omit<EventsImported['data'], 'salt'>,
  by: By,
): Promise<bigint> {
  const data = { ...of, salt: salt() }
  for (let attempt = 1; ; attempt++) {
    const { head } = await readLedger(log, project)
    try {
      return await append(log, project, head, { type: 'EventsImported', data }, by)
    } catch (error) {
      if (!(error instanceof LogConflict) || attempt === LIMITS.decisions) throw error
    }
  }
}

async function append(
  log: EventLog,
  project: string,
  head: Head,
  event: LedgerEvent,
  by?: By,
): Promise<bigint> {
  const stream = ledgerStream(project)
  const sealed = sealLedgerEvent(event, head, {
    stream,
    now: timestamp(Date.now()),
    commandId: randomUUID(),
    commandHash: commandHashOf({ verb: event.type, assistant_id: undefined, request: {} }),
    ...by,
  })
  const { position } = await appendSurely(log, stream, head?.revision ?? 'no_stream', [sealed])
  return position
}

const salt = () => randomBytes(16).toString('base64url')
