// Whether this log is the one that NATS has seen, at least as far.
import type { Ledger } from '@assistant-ledger/assistant'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { parse } from './bucket.js'
import type { PublishCheckpoint } from './messages.js'
import { bucketStream, keySubject, PUBLISHER_KEY } from './names.js'

/** NATS has seen more of this very log than the log has: it was restored from an older copy. */
export class LogBehind extends Error {
  override readonly name = 'LogBehind'
  constructor(
    readonly head: bigint,
    readonly seen: bigint,
  ) {
    super(`the log ends at position ${head}, but position ${seen} of it was published`)
  }
}

/** @throws LogBehind when the log is the one that was published, and ends before what was published of it */
export async function checkLog(of: {
  connection: NatsConnection
  project: string
  ledger: Ledger
  head: bigint
}): Promise<void> {
  const manager = await jetstreamManager(of.connection)
  const subject = keySubject(of.project, PUBLISHER_KEY)
  const message = await manager.streams.getMessage(bucketStream(of.project), { last_by_subj: subject })
  const seen = message && parse<PublishCheckpoint>(message.string())
  if (!seen || seen.log_id !== of.ledger.logId || seen.epoch < of.ledger.epoch) return
  if (BigInt(seen.position) > of.head) throw new LogBehind(of.head, BigInt(seen.position))
}
