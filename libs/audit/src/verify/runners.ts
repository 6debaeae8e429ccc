// What runners kept of the log, heard over NATS from themselves: the service, which could be in somebody else's hands, is
// not asked. Each one's checkpoint has to stand in the log, as it is now.
import { type Checkpoint, readCheckpoint } from '@assistant-ledger/assistant'
import { presenceSubjects } from '@assistant-ledger/change-feed'
import type { LogForReading } from '@assistant-ledger/event-log'
import type { NatsConnection } from '@nats-io/transport-node'
import { counted, type Findings } from './findings.js'
import type { HeldCheckpoints } from './held.js'

/** Runners that are listened to: more are not there in one project by any measure of ours. */
const MOST_RUNNERS = 10_000

export interface RunnersOptions {
  readonly connection: NatsConnection
  readonly log: LogForReading
  readonly held: HeldCheckpoints
  /** Each says that it is there every five seconds. */
  readonly listen_ms: number
  readonly findings: Findings
  readonly signal: AbortSignal
}

/** @returns runners whose checkpoint was compared */
export async function compareRunners(options: RunnersOptions): Promise<number> {
  const { held, findings } = options
  const heard = await hear(options)
  const without: string[] = []
  let compared = 0
  for (const { runner, checkpoint } of heard.values()) {
    if (!checkpoint) {
      without.push(runner)
      continue
    }
    compared += 1
    const what = await held.faultOf(checkpoint)
    if (what !== undefined) findings.add('runners', { runner, position: checkpoint.position }, what)
  }
  if (heard.size === 0)
    findings.add('runners', {}, `none was heard in ${options.listen_ms} ms: nobody else vouches for the log`)
  else if (without.length > 0)
    findings.notes.push(
      `without a checkpoint as yet: ${counted(without.length, 'runner')}, ${without.slice(0, 10).join(', ')}`,
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
