// Whether this log is the one that NATS has seen, at least as far; asked once, before anything is published from it.
import { setTimeout as pause } from 'node:timers/promises'
import type { Ledger } from '@assistant-ledger/assistant'
import type { EventLog } from '@assistant-ledger/event-log'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { checkpointOf } from './bucket.js'
import type { PublishCheckpoint } from './messages.js'
import { bucketStream, keySubject, PUBLISHER_KEY } from './names.js'

/** Somebody who publishes rewrites the watermarks every 2 s: after so long without a write nobody does. */
const SILENCE_MS = 2_500
const LOOK_EVERY_MS = 250

/**
 * NATS has seen more of this very log than the log has, or something else: it was restored from an older copy. The message
 * goes on a sentence that begins with the log.
 */
export class LogBehind extends Error {
  override readonly name = 'LogBehind'
  constructor(
    readonly head: bigint,
    readonly seen: bigint,
    /** The epoch that NATS has seen: the next one has to be greater than this and than the log's own. */
    readonly seenEpoch: number,
    /** The log's own. One that is behind in its epoch may end at a later position all the same. */
    readonly epoch: number,
  ) {
    super(
      seenEpoch > epoch
        ? `is of epoch ${epoch}, but NATS has seen epoch ${seenEpoch} of it`
        : `ends at position ${head}, but NATS has seen ${seen} in epoch ${seenEpoch}`,
    )
  }
}

/** Another log is being published for this project right now. */
export class LogContested extends Error {
  override readonly name = 'LogContested'
}

/** What NATS knows of a log. */
export type Standing = 'published' | 'unknown'

/**
 * Says whether NATS has a publish checkpoint of this log.
 * @throws LogBehind the log is the one that was published, and lacks some of what was
 * @throws LogContested somebody publishes another log for this project
 */
export async function checkLog(of: {
  connection: NatsConnection
  project: string
  ledger: Ledger
  log: EventLog
}): Promise<Standing> {
  const { project, ledger, log } = of
  const manager = await jetstreamManager(of.connection)
  let seen = await readCheckpoint(manager, project)
  if (seen && seen.log_id !== ledger.logId && (await isWritten(manager, project))) {
    // Whoever writes may by now be a replica of ours, which has just replaced a log that is gone.
    seen = await readCheckpoint(manager, project)
    if (seen && seen.log_id !== ledger.logId)
      throw new LogContested(`the log ${seen.log_id} is being published for project ${project}`)
  }
  if (!seen || seen.log_id !== ledger.logId) return 'unknown'
  if (seen.epoch < ledger.epoch) return 'published'
  const head = await log.head()
  const position = BigInt(seen.position)
  if (seen.epoch > ledger.epoch || position > head)
    throw new LogBehind(head, position, seen.epoch, ledger.epoch)
  return 'published'
}

async function readCheckpoint(
  manager: JetStreamManager,
  project: string,
): Promise<PublishCheckpoint | undefined> {
  const subject = keySubject(project, PUBLISHER_KEY)
  const message = await manager.streams.getMessage(bucketStream(project), { last_by_subj: subject })
  return message ? checkpointOf(message.string()) : undefined
}

/** Whether anybody writes to the bucket meanwhile. */
async function isWritten(manager: JetStreamManager, project: string): Promise<boolean> {
  const last = async () => (await manager.streams.info(bucketStream(project))).state.last_seq
  const before = await last()
  for (const until = performance.now() + SILENCE_MS; performance.now() < until; ) {
    await pause(LOOK_EVERY_MS)
    if ((await last()) !== before) return true
  }
  return false
}
