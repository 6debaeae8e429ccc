// The projecting role. It makes sure that the read database is of this log, projects, and, where replicas share the
// database, lets its projection version serve when it has caught up.
import type { Ledger } from '@assistant-ledger/assistant'
import type { EventLog } from '@assistant-ledger/event-log'
import { Projection, type ReadModel, type Replicas, StreamUnreadable } from '@assistant-ledger/read-model'
import { LIMITS } from '../limits.js'
import { say, warn } from '../lines.js'
import type { Quarantine } from '../replicas/quarantine.js'
import { pause } from '../signals.js'
import { unfit } from './read-database.js'
import { together } from './together.js'

export interface Projecting {
  readonly log: EventLog
  readonly model: ReadModel
  readonly ledger: Ledger
  readonly project: string
}

/** Projects until the signal, in a process that is alone: what it cannot read nobody can. */
export function project({ log, model, project }: Projecting, signal: AbortSignal): Promise<void> {
  return new Projection(log, model, { project }).run(signal)
}

/** What a replica has for it. */
export interface Shared {
  readonly replicas: Replicas
  readonly quarantine: Quarantine
}

/**
 * Projects until the signal, as the one of several replicas that leads.
 * @throws CheckpointMoved @throws RevisionGap @throws ReadModelUnavailable
 * @throws StreamUnreadable another replica may be able to read the event, and is to lead
 */
export async function projectShared(
  projecting: Projecting,
  { replicas, quarantine }: Shared,
  signal: AbortSignal,
): Promise<void> {
  const { log, model, ledger, project } = projecting
  await model.refresh()
  await quarantine.checkLead(model.position)
  const why = await unfit(model, log, ledger)
  if (why !== undefined) {
    warn(why)
    await model.clear()
  }
  const projection = new Projection(log, model, {
    project,
    mayQuarantine: (found) => quarantine.isAgreed(found),
  })
  try {
    await together(
      signal,
      (both) => projection.run(both),
      (both) => serve(projecting, replicas, both),
    )
  } catch (error) {
    if (error instanceof StreamUnreadable) await quarantine.note(error, model.position)
    throw error
  }
}

/** Lets the projection version serve once it has what the log has by now, and takes away those that nobody uses. */
async function serve({ log, model }: Projecting, replicas: Replicas, signal: AbortSignal): Promise<void> {
  const head = await log.head()
  while (!signal.aborted && !(await model.reached(head, LIMITS.readModelWait_ms)));
  while (!signal.aborted) {
    if (await replicas.serve())
      for (const version of await replicas.dropUnused())
        say(`took away the read model of projection version ${version}, which nobody uses any more`)
    await pause(LIMITS.serveEvery_ms, signal)
  }
}
