// The replay of the read model without the service: on the files of an installation that does not run, under the lock of
// its log, so that no service starts on them meanwhile; or from an EventStoreDB into PostgreSQL, where one may run.
import { beginRebuild, goesOnAt, rebuild, rebuildThrough } from '@assistant-ledger/audit'
import {
  type LogForReading,
  LogLocked,
  type LogSource,
  lockLog,
  NoLog,
  openLogForReading,
} from '@assistant-ledger/event-log'
import {
  begunRebuild,
  openReadModel,
  openRebuilt,
  ReadModelUnavailable,
  servedAt,
} from '@assistant-ledger/read-model'
import type { ReplayLine } from '../commands/replay.js'
import { Failure } from '../failure.js'
import { keepMemorySmall } from '../memory.js'

const TELL_EVERY_MS = 100

/** Where the log and its read model are. */
export interface Places {
  readonly log: LogSource
  readonly model: { readonly file: string } | { readonly url: string }
}

export async function* replayOffline(
  places: Places,
  dryRun: boolean,
  signal: AbortSignal,
): AsyncGenerator<ReplayLine> {
  keepMemorySmall()
  const log = await openLogForReading(places.log).catch(asFailure)
  const unlock = await lockOf(places.log).catch(async (error) => {
    await log.close()
    return asFailure(error)
  })
  try {
    yield* dryRun ? planned(log, places) : replayed(log, places, signal)
  } catch (error) {
    asFailure(error)
  } finally {
    unlock()
    await log.close()
  }
}

const lockOf = async (source: LogSource): Promise<() => void> =>
  'dataDir' in source ? lockLog(source.dataDir) : () => undefined

async function* planned(log: LogForReading, places: Places): AsyncGenerator<ReplayLine> {
  const begun = await begunRebuild({ ...places.model, project: log.project })
  yield plan(log, places, begun ? await goesOnAt(log, begun) : 0n)
}

async function plan(log: LogForReading, places: Places, begun: bigint): Promise<ReplayLine> {
  const served = await servedAt({ ...places.model, project: log.project })
  const head = String(await log.head())
  return { step: 'plan', live: String(served?.position ?? 0n), head, begun: String(begun) }
}

async function* replayed(
  log: LogForReading,
  places: Places,
  signal: AbortSignal,
): AsyncGenerator<ReplayLine> {
  const options = { ...places.model, project: log.project }
  const rebuilt = await openRebuilt(options)
  let whole = false
  try {
    yield plan(log, places, await beginRebuild(log, rebuilt))
    const told: ReplayLine[] = []
    let toldAt = 0
    const rebuilding = rebuild(log, rebuilt, signal, ({ position, head, events }) => {
      told.push({ step: 'rebuilding', position: String(position), head: String(head), events })
    })
    for (let done = false; !done; ) {
      done = await Promise.race([rebuilding.then(() => true), tick()])
      const last = told.splice(0).at(-1)
      if (last && performance.now() - toldAt > TELL_EVERY_MS) {
        toldAt = performance.now()
        yield last
      }
    }
    whole = await rebuilding
  } finally {
    await rebuilt.close()
  }
  if (!whole) return
  const model = await openReadModel(options)
  try {
    await model.replace((beside, position) => rebuildThrough(log, beside, position))
    yield { step: 'switched', position: String(model.position) }
  } finally {
    await model.close()
  }
}

const tick = () => new Promise<false>((resolve) => setTimeout(() => resolve(false), TELL_EVERY_MS))

function asFailure(error: unknown): never {
  if (error instanceof NoLog || error instanceof ReadModelUnavailable) throw new Failure(error.message)
  if (error instanceof LogLocked)
    throw new Failure('the service runs on these files: leave --offline out, or stop it first')
  throw error
}
