// What runners kept of the log, heard over NATS from themselves: the service, which could be in somebody else's hands, is
// not asked. Each one's checkpoint has to stand in the log, as it is now.
import type { KeyObject } from 'node:crypto'
import {
  type Checkpoint,
  fingerprintOf,
  isSignedBy,
  ledgerStream,
  readCheckpoint,
} from '@assistant-ledger/assistant'
import { presenceSubjects } from '@assistant-ledger/change-feed'
import type { LogForReading } from '@assistant-ledger/event-log'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Findings } from './findings.js'

/** Runners that are listened to: more are not there in one project by any measure of ours. */
const MOST_RUNNERS = 10_000

export interface RunnersOptions {
  readonly connection: NatsConnection
  readonly log: LogForReading
  readonly trusted: readonly KeyObject[]
  /** Each says that it is there every five seconds. */
  readonly listen_ms: number
  readonly findings: Findings
  readonly signal: AbortSignal
}

/** @returns runners whose checkpoint was compared */
export async function compareRunners(options: RunnersOptions): Promise<number> {
  const { log, findings, trusted } = options
  const heard = await hear(options)
  const keys = new Map(trusted.map((key) => [fingerprintOf(key), key]))
  const without: string[] = []
  let compared = 0
  for (const { runner, checkpoint } of heard.values()) {
    if (!checkpoint) {
      without.push(runner)
      continue
    }
    compared += 1
    const what = await wrongWith(log, checkpoint)
    if (what === undefined) continue
    const key = keys.get(checkpoint.key)
    const signed = key && isSignedBy(checkpoint, key) ? ', which is signed by a trusted key' : ''
    findings.add(
      'runners',
      { runner, position: checkpoint.position },
      `it holds a checkpoint over ${checkpoint.count} events${signed}: ${what}`,
    )
  }
  if (heard.size === 0) findings.notes.push('no runner was heard: nobody else vouches for the end of the log')
  else if (without.length > 0)
    findings.notes.push(
      `${without.length} runners have no checkpoint yet: ${without.slice(0, 10).join(', ')}`,
    )
  return compared
}

interface Heard {
  readonly runner: string
  readonly checkpoint: Checkpoint | undefined
}

/** By instance, the last word of each. */
async function hear({ connection, log, listen_ms, signal }: RunnersOptions): Promise<Map<string, Heard>> {
  const heard = new Map<string, Heard>()
  const subscription = connection.subscribe(presenceSubjects(log.project))
  const end = () => subscription.unsubscribe()
  const timer = setTimeout(end, listen_ms)
  signal.addEventListener('abort', end)
  try {
    for await (const message of subscription) {
      let body: { name?: unknown; instance?: unknown; checkpoint?: unknown } | null
      try {
        body = message.json()
      } catch {
        continue
      }
      if (typeof body?.name !== 'string' || typeof body.instance !== 'string') continue
      if (heard.size >= MOST_RUNNERS && !heard.has(body.instance)) continue
      heard.set(body.instance, { runner: body.name, checkpoint: readCheckpoint(body.checkpoint) })
    }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
  signal.throwIfAborted()
  return heard
}

/** Why a checkpoint is none of this log; undefined when it is. */
async function wrongWith(log: LogForReading, held: Checkpoint): Promise<string | undefined> {
  const position = BigInt(held.position)
  const stream = ledgerStream(log.project)
  for await (const event of log.readStream(stream, { direction: 'backward' })) {
    const { log_id } = (event.data ?? {}) as { log_id?: string }
    if (log_id !== undefined && log_id !== held.log_id)
      return `it is of the log ${held.log_id}, and this is ${log_id}`
    const found = event.type === 'CheckpointSigned' ? readCheckpoint(event.data) : undefined
    if (!found || BigInt(found.position) > position) continue
    if (BigInt(found.position) < position) break
    if (found.hash === held.hash && found.count === held.count) return undefined
    return `the log has another one there, over ${found.count} events: it was rewritten`
  }
  const head = await log.head()
  return head < position
    ? `the log ends at position ${head}: its end was cut off, or it was restored from an older copy`
    : 'the log has none at this position: it was rewritten, or cut off and continued'
}
