// The publishing role: NATS assets, the question whether this log is the one that NATS has seen, then the publisher.
// It never holds up commands and queries: while NATS or its JetStream is away, it waits.
import { setTimeout as pause } from 'node:timers/promises'
import { forgetRestored, isRestored } from '@assistant-ledger/audit'
import {
  AssetMismatch,
  checkLog,
  ensureAssets,
  LogBehind,
  LogContested,
  Publisher,
} from '@assistant-ledger/change-feed'
import type { EventLog } from '@assistant-ledger/event-log'
import type { ReadModel } from '@assistant-ledger/read-model'
import type { NatsConnection } from '@nats-io/transport-node'
import type { CheckpointSigner } from '../checkpoints/signer.js'
import { LIMITS } from '../limits.js'
import { warn } from '../lines.js'
import { observed } from '../observability/observed.js'
import { contextOfEvent } from '../observability/tracing.js'
import { BadSetting, type Settings } from '../settings.js'
import { openLedger, raiseEpoch, type Seen } from './ledger.js'
import { together } from './together.js'

/** What the publication works with. */
export interface Publishing {
  readonly settings: Settings
  readonly log: EventLog
  readonly model: ReadModel
  readonly connection: NatsConnection
  readonly signer: CheckpointSigner
  /** The graphs of the manifest: each has its watermark even before it has an assistant. */
  readonly graphs: readonly string[]
  /** Who publishes, while this replica does. */
  readonly now: { publisher: Publisher | undefined }
}

/**
 * Makes sure of the assets, and that the log is not behind what was published from it, or that this is accepted.
 * @throws BadSetting when the log is behind and nobody has accepted that, or another one is being published
 * @throws AssetMismatch when what is there is not what it has to be: no waiting changes that
 */
export function preparePublication(publishing: Publishing, signal: AbortSignal): Promise<void> {
  const { connection, settings } = publishing
  return untilThere(signal, async () => {
    await ensureAssets(connection, settings.project, settings.natsReplicas)
    await lacks(publishing)
  })
}

/**
 * Resolves when a log that was accepted is the one that NATS knows. Whoever publishes sees to that; nothing may be
 * appended before, since a log that has grown past what NATS has seen looks like one that was never behind.
 */
export async function accepted(publishing: Publishing, signal: AbortSignal): Promise<void> {
  if (!publishing.settings.acceptLogBehind) return
  let known = false
  while (!known) {
    await untilThere(signal, async () => {
      known = (await lacks(publishing)) === undefined
    })
    if (!known) await pause(LIMITS.acceptedEvery_ms, undefined, { signal })
  }
}

/** Tries until JetStream is there. */
async function untilThere(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    try {
      await work()
      observed.publicationWaitsFor = undefined
      return
    } catch (error) {
      if (error instanceof BadSetting || error instanceof AssetMismatch) throw error
      observed.publicationWaitsFor = (error as Error).message
      if (attempt === 1) warn(`publication waits for JetStream: ${(error as Error).message}`)
    }
    await pause(LIMITS.publicationRetry_ms, undefined, { signal })
  }
}

/** What NATS has seen that the log does not have, where that is accepted; undefined: nothing. */
async function lacks({ settings, log, connection }: Publishing): Promise<Seen | undefined> {
  const { project, acceptLogBehind } = settings
  // Read at each attempt: another replica may have accepted it meanwhile.
  const ledger = await openLedger(log, project)
  try {
    const standing = await checkLog({ connection, project, ledger, log })
    // What runners have seen is not known here any more. The checkpoint that follows says that this was done.
    return standing === 'published' || !acceptLogBehind ? undefined : { position: 0n, epoch: 0 }
  } catch (error) {
    if (error instanceof LogContested)
      throw new BadSetting(
        `another registry publishes project ${project} from another log on this NATS: stop it, or give this one another PROJECT or NATS`,
      )
    if (!(error instanceof LogBehind)) throw error
    if (!acceptLogBehind)
      throw new BadSetting(
        `the log in ${logOf(settings)} ends at position ${error.head}, but NATS has seen ${error.seen} in epoch ${error.seenEpoch}: it was restored from an older copy. Put the newer log back, or accept this one for good with ACCEPT_LOG_BEHIND=yes`,
      )
    return { position: error.seen, epoch: error.seenEpoch }
  }
}

/**
 * Begins a new epoch where the log lacks something, and on one that was put back from a backup, whatever NATS knows:
 * runners may hold what it lacks. Once, since only one publishes.
 */
async function acceptLog(publishing: Publishing): Promise<void> {
  const { log, settings } = publishing
  const seen = await lacks(publishing)
  const restored = wasRestored(settings)
  if (!seen && !restored) return
  const position = await raiseEpoch(log, settings.project, {
    position: seen?.position ?? 0n,
    epoch: Math.max(seen?.epoch ?? 0, restored ? epochOfNow() : 0),
  })
  warn(`${whyOf(seen, restored)}; a new epoch begins at position ${position}`)
  if (restored) await forgetRestored(settings.dataDir)
}

/**
 * Past every epoch that the same backup was given when it was restored before, of which its copy knows nothing: seconds
 * since 2025, which fit the database's 32 bits until 2093.
 */
const epochOfNow = (): number => Math.floor((Date.now() - Date.UTC(2025, 0)) / 1000)

const wasRestored = ({ grown, dataDir }: Settings): boolean => !grown && isRestored(dataDir)

function whyOf(seen: Seen | undefined, restored: boolean): string {
  if (seen && seen.epoch > 0) return 'the log was behind what NATS has seen, which was accepted'
  if (restored) return 'the log was restored from a backup'
  return 'NATS knows nothing of this log, which was accepted'
}

const logOf = ({ grown, dataDir }: Settings): string => (grown ? 'EVENTSTORE_URL' : dataDir)

/**
 * Publishes, and signs checkpoints, until the signal; what is on its way then is otherwise published by whoever comes
 * next.
 */
export async function publish(publishing: Publishing, signal: AbortSignal): Promise<void> {
  const { settings, log, model, connection, graphs, signer } = publishing
  const { project, environments } = settings
  if (settings.acceptLogBehind || wasRestored(settings)) await untilThere(signal, () => acceptLog(publishing))
  const onBreak = (reason: Error | undefined) =>
    warn(reason ? `publication broke off and is tried again: ${reason.message}` : 'publication goes on')
  const publisher = new Publisher({
    log,
    model,
    connection,
    inboxPrefix: settings.nats.login?.inboxPrefix,
    project,
    replicas: settings.natsReplicas,
    environments,
    graphs,
    onBreak,
    contextOf: contextOfEvent,
    checkpoint: () => signer.last,
  })
  observed.publication = publisher
  publishing.now.publisher = publisher
  await together(
    signal,
    (both) => publisher.run(both),
    (both) => signer.lead(both),
  ).finally(() => {
    publishing.now.publisher = undefined
    observed.publication = undefined
  })
}

/** Work over NATS that a stop ends: what it then still waits for from a NATS that is away is cut short. */
export async function endingSoon(
  connection: NatsConnection,
  stop: AbortSignal,
  work: Promise<unknown>,
): Promise<void> {
  let late: NodeJS.Timeout | undefined
  stop.addEventListener('abort', () => {
    late = setTimeout(() => connection.close(), LIMITS.publicationStop_ms)
  })
  await work.finally(() => clearTimeout(late))
}
