// What takes its time on a command's way: the append, and the wait for the read model.
import { LogConflict, LogInDoubt, LogRejected, LogUnavailable } from '@assistant-ledger/event-log'
import { appendSeconds, readModelWaitSeconds } from './metrics.js'
import { observed } from './observed.js'

/** One attempt to append. @throws what the append throws */
export async function timedAppend<T>(append: () => Promise<T>): Promise<T> {
  const began = performance.now()
  let failed: unknown
  try {
    return await append()
  } catch (error) {
    failed = error
    throw error
  } finally {
    appendSeconds.observe({ outcome: outcomeOf(failed) }, (performance.now() - began) / 1000)
    observed.appended(failed)
  }
}

/** The wait of a command for the read model; resolves with whether it shows the command. */
export async function timedWait(reached: Promise<boolean>): Promise<boolean> {
  const began = performance.now()
  const shown = await reached
  readModelWaitSeconds.observe({ outcome: shown ? 'shown' : 'late' }, (performance.now() - began) / 1000)
  return shown
}

function outcomeOf(error: unknown): string {
  if (error === undefined) return 'ok'
  if (error instanceof LogConflict) return 'conflict'
  if (error instanceof LogInDoubt) return 'in-doubt'
  if (error instanceof LogUnavailable) return 'unavailable'
  return error instanceof LogRejected ? 'rejected' : 'failed'
}
