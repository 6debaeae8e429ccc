// What no checkpoint covers. The newest events have none for some seconds; any that waited longer, and a log that never
// had one, show that somebody took them away, or that the service could not sign.
import { setTimeout as pause } from 'node:timers/promises'
import { ledgerStream } from '@assistant-ledger/assistant'
import type { CheckpointCheck } from './checkpoints.js'
import { counted, type Findings } from './findings.js'
import type { Pass } from './pass.js'

const LOOK_EVERY_MS = 200
/** A log as old as that has had its first checkpoint, and events have had the next one. */
const YOUNG_MS = 60_000

/** Events that were imported are as old as they were elsewhere: their checkpoint may still be on its way. */
export async function untilCovered(
  pass: Pass,
  checkpoints: CheckpointCheck,
  patience_ms: number,
  signal: AbortSignal,
): Promise<void> {
  const until = performance.now() + patience_ms
  while (checkpoints.uncoveredFor_ms > YOUNG_MS && checkpoints.checked > 0 && performance.now() < until) {
    await pause(LOOK_EVERY_MS, undefined, { signal })
    await pass.toEnd()
  }
}

/** Tells of what is covered by none. */
export function tellCoverage(
  pass: Pass,
  checkpoints: CheckpointCheck,
  project: string,
  findings: Findings,
): void {
  const place = { stream: ledgerStream(project) }
  const { checked, uncovered, uncoveredFor_ms } = checkpoints
  if (pass.events === 0)
    findings.add(
      'log',
      place,
      `the log has no event of project ${project}: it was emptied, or is of another project`,
    )
  else if (checked === 0) {
    if (pass.firstAt_ms < Date.now() - YOUNG_MS)
      findings.add(
        'checkpoints',
        place,
        'the log has none: whether its end was cut off, or a whole stream is gone, cannot be told. A service that runs signs one within seconds',
      )
    else findings.notes.push('the log is young and has no checkpoint yet')
  } else if (uncoveredFor_ms > YOUNG_MS)
    findings.add(
      'checkpoints',
      place,
      `none covers the newest ${counted(uncovered, 'event')}, written over ${Math.round(uncoveredFor_ms / 1000)} s: those that did were cut off, or the service that wrote them could not sign. One that runs signs within seconds`,
    )
  else if (uncovered > 0)
    findings.notes.push(`no checkpoint covers the newest ${counted(uncovered, 'event')} yet`)
}
