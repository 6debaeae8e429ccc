// Fills a log with receipts: many runners that were there and reported each of one assistant's promotions.
import { randomUUID } from 'node:crypto'
import {
  type FleetEvent,
  fleetStream,
  type Head,
  sealFleetEvent,
  timestamp,
} from '@assistant-ledger/assistant'
import { type EventLog, openEmbeddedLog } from '@assistant-ledger/event-log'
import { sampleId } from './samples.js'

const REPORTS_AN_EVENT = 500
const STAYS = '00000000-0000-4000-8000-ffffffffffff'

/** Reports of `runners` on each of the revisions of the first sample assistant. Returns how many there are. */
export async function generateReceipts(
  file: string,
  project: string,
  runners: number,
  revisions: readonly number[],
): Promise<number> {
  const log = await openEmbeddedLog({ file })
  const instances = Array.from({ length: runners }, () => randomUUID())
  const at = timestamp(Date.now())
  try {
    const stays = appender(log, fleetStream(project, STAYS))
    // There before everything else that was recorded.
    const came = instances.map((instance, i) => ({
      runner: `r-${i}`,
      instance,
      environment: 'live',
      graphs: ['writer'],
      at: timestamp(0),
    }))
    await stays({ type: 'RunnersJoined', data: { runners: came, salt: 'bench' } })
    const reports = appender(log, fleetStream(project, sampleId(0)))
    for (const [version, revision] of revisions.entries())
      for (let next = 0; next < runners; next += REPORTS_AN_EVENT) {
        const some = instances.slice(next, next + REPORTS_AN_EVENT).map((instance, i) => ({
          runner: `r-${next + i}`,
          instance,
          environment: 'live',
          revision,
          generation: 1,
          version: version + 1,
          hash: 'a'.repeat(64),
          status: 'active' as const,
          at,
        }))
        await reports({ type: 'RunnersReported', data: { reports: some, salt: 'bench' } })
      }
    return runners * revisions.length
  } finally {
    await log.close()
  }
}

function appender(log: EventLog, stream: string): (event: FleetEvent) => Promise<void> {
  let head: Head
  return async (event) => {
    const sealed = sealFleetEvent(event, head, {
      stream,
      now: timestamp(Date.now()),
      commandId: randomUUID(),
      commandHash: '',
    })
    const { revision } = await log.append(stream, head?.revision ?? 'no_stream', [sealed])
    head = { revision, hash: sealed.metadata.hash, at: sealed.metadata.at }
  }
}
