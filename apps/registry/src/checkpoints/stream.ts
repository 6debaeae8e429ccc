// The ledger stream as it is read: it grows by a checkpoint every few seconds of work, so nobody reads it whole. Its
// first event names the log, its newest ones the epoch and the last checkpoint.
import {
  type Checkpoint,
  type EventMetadata,
  evolveLedger,
  type Head,
  type Ledger,
  ledgerStream,
  readCheckpoint,
} from '@assistant-ledger/assistant'
import type { EventLog, RecordedEvent } from '@assistant-ledger/event-log'

/** What one event of the stream says. */
export function entryOf({ revision, type, data, metadata }: RecordedEvent) {
  const { hash, at } = metadata as EventMetadata
  return {
    head: { revision, hash, at } satisfies Head,
    checkpoint: type === 'CheckpointSigned' ? readCheckpoint(data) : undefined,
    evolve: (ledger: Ledger | undefined) => evolveLedger(ledger, { type, data }),
  }
}

/** Which log this is, in which epoch, and where its ledger stream ends; all undefined in a log that has none yet. */
export async function readLedger(
  log: EventLog,
  project: string,
): Promise<{ readonly ledger: Ledger | undefined; readonly head: Head }> {
  const stream = ledgerStream(project)
  let ledger: Ledger | undefined
  let head: Head
  for await (const event of log.readStream(stream, { limit: 1 })) ledger = entryOf(event).evolve(undefined)
  for await (const event of log.readStream(stream, { direction: 'backward' })) {
    const entry = entryOf(event)
    head ??= entry.head
    // A checkpoint names the epoch that it was signed in, which is the last one that was begun before.
    const epoch = entry.checkpoint?.epoch ?? entry.evolve(ledger && { ...ledger, epoch: 0 })?.epoch
    if (!ledger || !epoch) continue
    ledger = { ...ledger, epoch }
    break
  }
  return { ledger, head }
}

/** The newest checkpoint of the log. */
export async function lastCheckpoint(log: EventLog, project: string): Promise<Checkpoint | undefined> {
  for await (const event of log.readStream(ledgerStream(project), { direction: 'backward' })) {
    const { checkpoint } = entryOf(event)
    if (checkpoint) return checkpoint
  }
  return undefined
}
