// The rebuild of the read model on a thread of its own: requests are answered meanwhile on the other.
import { parentPort, workerData } from 'node:worker_threads'
import { rebuild } from '@assistant-ledger/audit'
import { type LogSource, openLogForReading } from '@assistant-ledger/event-log'
import { openRebuilt, type ReadModelOptions } from '@assistant-ledger/read-model'

export interface RebuildWork {
  readonly log: LogSource
  readonly model: ReadModelOptions
}

/** What it tells: where it is, at most every so often, and how it ended. */
export type RebuildTold =
  | { readonly type: 'progress'; readonly position: string; readonly head: string; readonly events: number }
  | { readonly type: 'ended'; readonly whole: boolean }
  | { readonly type: 'failed'; readonly message: string }

const TELL_EVERY_MS = 200

const { log: source, model: options } = workerData as RebuildWork
const say = (told: RebuildTold) => parentPort?.postMessage(told)
const stop = new AbortController()
parentPort?.once('message', () => stop.abort())

try {
  const log = await openLogForReading(source)
  const model = await openRebuilt(options)
  let toldAt = 0
  let whole = false
  try {
    whole = await rebuild(log, model, stop.signal, ({ position, head, events }) => {
      const now = performance.now()
      if (now - toldAt < TELL_EVERY_MS) return
      toldAt = now
      say({ type: 'progress', position: String(position), head: String(head), events })
    })
  } finally {
    await model.close()
    await log.close()
  }
  // Only now: whoever hears it opens the same files.
  say({ type: 'ended', whole })
} catch (error) {
  say({ type: 'failed', message: (error as Error).message })
} finally {
  parentPort?.close()
}
