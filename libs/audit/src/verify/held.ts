// A checkpoint that somebody else has of the log: a runner on its disk, a watermark in the bucket. It has to stand in the
// log, as the log is now.
import type { KeyObject } from 'node:crypto'
import {
  type Checkpoint,
  fingerprintOf,
  isSignedBy,
  ledgerStream,
  readCheckpoint,
} from '@assistant-ledger/assistant'
import type { LogForReading } from '@assistant-ledger/event-log'
import { counted } from './findings.js'

export class HeldCheckpoints {
  private readonly keys: ReadonlyMap<string, KeyObject>

  /** @param trusted whose signatures are believed */
  constructor(
    private readonly log: LogForReading,
    trusted: readonly KeyObject[],
  ) {
    this.keys = new Map(trusted.map((key) => [fingerprintOf(key), key]))
  }

  /** Why one is none of this log, in a sentence that begins with whoever holds it; undefined when it is one. */
  async faultOf(held: Checkpoint): Promise<string | undefined> {
    const what = await this.wrongWith(held)
    if (what === undefined) return undefined
    const key = this.keys.get(held.key)
    const signed = key && isSignedBy(held, key) ? ', which is signed by a trusted key' : ''
    return `it holds a checkpoint over ${counted(held.count, 'event')}${signed}: ${what}`
  }

  private async wrongWith(held: Checkpoint): Promise<string | undefined> {
    const { log } = this
    const position = BigInt(held.position)
    const stream = ledgerStream(log.project)
    for await (const event of log.readStream(stream, { direction: 'backward' })) {
      // What was imported names the log that it is from.
      const { log_id } = (event.type === 'EventsImported' ? {} : (event.data ?? {})) as { log_id?: string }
      if (log_id !== undefined && log_id !== held.log_id)
        return `it is of the log ${held.log_id}, and this is ${log_id}`
      const found = event.type === 'CheckpointSigned' ? readCheckpoint(event.data) : undefined
      if (!found || BigInt(found.position) > position) continue
      if (BigInt(found.position) < position) break
      if (found.hash === held.hash && found.count === held.count) return undefined
      return `the log has another one there, over ${counted(found.count, 'event')}: it was rewritten`
    }
    const head = await log.head()
    return head < position
      ? `the log ends at position ${head}: its end was cut off, or it was restored from an older copy`
      : 'the log has none at this position: it was rewritten, or cut off and continued'
  }
}
