// The bars of work on files that goes in steps, and its failures in one line.
import { Failure } from '../failure.js'
import type { Output } from './output.js'
import { type Progress, progress } from './progress.js'

export interface Steps {
  update(step: string, done: number, of: number): void
  stop(): void
}

const UNITS: Readonly<Record<string, string>> = { copying: 'pages', checking: 'of the log' }

/** A bar for each step, one after the other. */
export async function steps(output: Output): Promise<Steps> {
  const bars: Record<string, Progress> = {}
  for (const [step, unit] of Object.entries(UNITS))
    bars[step] = await progress(output, step, { total: 1, unit })
  let last: string | undefined
  const stop = () => {
    if (last !== undefined) bars[last]?.stop()
  }
  return {
    update(step, done, of) {
      if (step !== last) stop()
      last = step
      bars[step]?.update(done, of)
    },
    stop,
  }
}

/** What whoever ran it can do something about, as a failure; anything else as it is. */
export async function toldFailure(error: unknown): Promise<unknown> {
  const { AlteredLog, BackupRefused } = await import('@assistant-ledger/audit')
  const { LogLocked, LogUnavailable, NoLog } = await import('@assistant-ledger/event-log')
  if (error instanceof LogLocked)
    return new Failure('a service runs on that folder: stop it first, or name another')
  if (error instanceof AlteredLog) return new Failure(`the log was altered: ${error.message}`)
  for (const kind of [BackupRefused, LogUnavailable, NoLog])
    if (error instanceof kind) return new Failure(error.message)
  return error
}
