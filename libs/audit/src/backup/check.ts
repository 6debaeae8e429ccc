// A log checked by itself: every event by its own hashes, every stream as a chain without a gap.
import { sealFault } from '@assistant-ledger/assistant'
import type { LogForReading } from '@assistant-ledger/event-log'
import { isOf } from '../export/select.js'
import { StreamTable } from '../stream-table.js'

/** The log is not what was recorded. One line, naming stream and revision. */
export class AlteredLog extends Error {
  override readonly name = 'AlteredLog'
}

/**
 * Resolves with how many events of the project there are, and the last one's position.
 * @throws AlteredLog naming the first event that does not fit
 */
export async function checkChains(
  log: Pick<LogForReading, 'pages' | 'project'>,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (position: bigint) => void } = {},
): Promise<{ readonly events: number; readonly position: bigint }> {
  const heads = new StreamTable()
  const wanted = (stream: string) => isOf(log.project, stream)
  let events = 0
  let position = 0n
  for await (const page of log.pages({ wanted, ...(signal ? { signal } : {}) })) {
    for (const { stream, revision, ...event } of page) {
      const head = heads.find(stream)
      const altered = (why: string) => new AlteredLog(`event ${revision} of stream ${stream}: ${why}`)
      const next = BigInt((head?.revision ?? -1) + 1)
      if (revision !== next) throw altered(`event ${next} is missing before it`)
      let stored: { readonly data: unknown; readonly metadata: { readonly hash: string } }
      try {
        stored = { data: JSON.parse(event.data), metadata: JSON.parse(event.metadata) }
      } catch {
        throw altered('it is not JSON')
      }
      const fault = sealFault({ ...event, stream, revision, ...stored }, head?.hash)
      if (fault) throw altered(fault)
      heads.set(stream, { revision: Number(revision), hash: stored.metadata.hash })
      events += 1
      position = event.position
    }
    onProgress?.(position)
  }
  return { events, position }
}
