// The log's knowledge of itself: stream `ledger.<project>` opens with the log's id and counts its epochs.
import type { CheckpointSigned } from './checkpoint.js'
import type { Actor } from './events.js'
import { type Head, type SealedEvent, seal } from './seal.js'

/** The first event of a project's log. */
export interface LedgerOpened {
  readonly type: 'LedgerOpened'
  readonly data: { readonly log_id: string; readonly salt: string }
}

/**
 * A log that is behind what NATS has seen was accepted (a restored backup): from here on its values win over
 * whatever was published beyond its end.
 */
export interface EpochRaised {
  readonly type: 'EpochRaised'
  readonly data: { readonly epoch: number; readonly seen_position: string; readonly salt: string }
}

/** Events that were recorded in another log were appended to this one, as they were. */
export interface EventsImported {
  readonly type: 'EventsImported'
  readonly data: {
    /** The log that they come from, and its epoch by then. */
    readonly log_id: string
    readonly epoch: number
    /** Events of the export, and how many of them were not here yet. */
    readonly events: number
    readonly written: number
    /** The checksum of the whole export. */
    readonly chain: string
    readonly salt: string
  }
}

export type LedgerEvent = LedgerOpened | EpochRaised | EventsImported | CheckpointSigned

/** Which log this is, and which of its epochs. */
export interface Ledger {
  readonly logId: string
  /** 1 from LedgerOpened on. */
  readonly epoch: number
}

/** The ledger after one more event of its stream; events of other types change nothing. */
export function evolveLedger(
  ledger: Ledger | undefined,
  event: { type: string; data: unknown },
): Ledger | undefined {
  const { type, data } = event as LedgerEvent
  if (type === 'LedgerOpened') return { logId: data.log_id, epoch: 1 }
  if (type === 'EpochRaised' && ledger) return { ...ledger, epoch: data.epoch }
  return ledger
}

export const foldLedger = (events: Iterable<{ type: string; data: unknown }>): Ledger | undefined => {
  let ledger: Ledger | undefined
  for (const event of events) ledger = evolveLedger(ledger, event)
  return ledger
}

const SYSTEM: Actor = { id: 'system', verified: true, via: 'system' }

/** Seals an event of the ledger stream; unless told, the service itself is its actor. */
export function sealLedgerEvent(
  event: LedgerEvent,
  head: Head,
  from: {
    readonly stream: string
    readonly now: string
    readonly commandId: string
    readonly commandHash: string
    readonly actor?: Actor
    readonly reason?: string
  },
): SealedEvent<LedgerEvent> {
  return seal([event], head, { actor: SYSTEM, ...from })[0] as SealedEvent<LedgerEvent>
}
