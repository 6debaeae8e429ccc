// The read model made again beside the one that serves, which it then replaces while the service runs. What was begun and
// broken off is gone on with; nothing of it shows before all of it is there.
import { Worker } from 'node:worker_threads'
import { beginRebuild, goesOnAt, rebuildThrough } from '@assistant-ledger/audit'
import { type EventLog, type LogSource, openLogForReading } from '@assistant-ledger/event-log'
import { begunRebuild, openRebuilt, type ReadModel } from '@assistant-ledger/read-model'
import { say } from '../lines.js'
import type { RebuildTold, RebuildWork } from './rebuild-worker.js'

export interface ReadModelReplay {
  readonly log: EventLog
  readonly model: ReadModel
  /** The same two, for the thread that rebuilds. */
  readonly places: RebuildWork
  /** Does something while nobody projects in this process. */
  readonly paused: <T>(something: () => Promise<T>) => Promise<T>
}

export type ReplayLine =
  | {
      readonly step: 'plan'
      /** Where the live one is, where the log ends, and where an earlier replay that was broken off is. */
      readonly live: string
      readonly head: string
      readonly begun: string
    }
  | { readonly step: 'rebuilding'; readonly position: string; readonly head: string; readonly events: number }
  | { readonly step: 'switched'; readonly position: string }

/** @param signal ends it: what is done stays, to be gone on with */
export async function* replayReadModel(
  { log, model, places, paused }: ReadModelReplay,
  { dryRun }: { readonly dryRun: boolean },
  signal: AbortSignal,
): AsyncGenerator<ReplayLine> {
  const begun = String(await (dryRun ? wouldBeginAt(places) : begunAt(places)))
  yield { step: 'plan', live: String(model.position), head: String(await log.head()), begun }
  if (dryRun) return
  for await (const told of inThread(places, signal)) yield told
  if (signal.aborted) return
  const at = await paused(() => switched(model, places.log))
  say(`the read model was made again from the log, and is live from position ${at} on`)
  yield { step: 'switched', position: String(at) }
}

async function wouldBeginAt({ log: source, model }: RebuildWork): Promise<bigint> {
  const begun = await begunRebuild(model)
  if (!begun) return 0n
  const log = await openLogForReading(source)
  try {
    return await goesOnAt(log, begun)
  } finally {
    await log.close()
  }
}

async function begunAt({ log: source, model }: RebuildWork): Promise<bigint> {
  const [log, rebuilt] = [await openLogForReading(source), await openRebuilt(model)]
  try {
    return await beginRebuild(log, rebuilt)
  } finally {
    await rebuilt.close()
    await log.close()
  }
}

async function switched(model: ReadModel, source: LogSource): Promise<bigint> {
  const log = await openLogForReading(source)
  try {
    await model.replace((rebuilt, position) => rebuildThrough(log, rebuilt, position))
    return model.position
  } finally {
    await log.close()
  }
}

async function* inThread(work: RebuildWork, signal: AbortSignal): AsyncGenerator<ReplayLine> {
  const worker = new Worker(new URL('./rebuild-worker.js', import.meta.url), { workerData: work })
  const told: RebuildTold[] = []
  let wake = () => {}
  const hear = (one: RebuildTold) => {
    told.push(one)
    wake()
  }
  worker.on('message', hear)
  worker.on('error', (error) => hear({ type: 'failed', message: error.message }))
  worker.on('exit', () => hear({ type: 'failed', message: 'its thread has ended' }))
  const stop = () => worker.postMessage('stop')
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    for (;;) {
      const one = told.shift()
      if (!one) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      if (one.type === 'failed') throw new Error(`the read model could not be made again: ${one.message}`)
      if (one.type === 'ended') return
      const { position, head, events } = one
      yield { step: 'rebuilding', position, head, events }
    }
  } finally {
    signal.removeEventListener('abort', stop)
    // Whoever asked may be gone: what is being committed still gets its end.
    if (!told.some(({ type }) => type !== 'progress')) stop()
  }
}
