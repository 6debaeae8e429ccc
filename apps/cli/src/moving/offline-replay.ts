// The replay of the read model on the files of an installation that does not run, under the lock of its log: no service
// starts on them meanwhile.

import { join } from 'node:path'
import { beginRebuild, rebuild, rebuildThrough } from '@assistant-ledger/audit'
import { LogLocked, lockLog, NoLog, openLogForReading } from '@assistant-ledger/event-log'
import { openReadModel, openRebuilt } from '@assistant-ledger/read-model'
import type { ReplayLine } from '../commands/replay.js'
import { Failure } from '../failure.js'
import { keepMemorySmall } from '../memory.js'

const TELL_EVERY_MS = 100

export async function* replayOffline(
  dataDir: string,
  dryRun: boolean,
  signal: AbortSignal,
): AsyncGenerator<ReplayLine> {
  keepMemorySmall()
  const log = await openLogForReading({ dataDir }).catch(asFailure)
  const unlock = await lockLog(dataDir).catch(async (error) => {
    await log.close()
    return asFailure(error)
  })
  try {
    const { project } = log
    const file = join(dataDir, 'read-model.db')
    const rebuilt = await openRebuilt({ file, project })
    let whole = false
    try {
      const begun = String(await beginRebuild(log, rebuilt))
      yield { step: 'plan', live: await positionOf(file, project), head: String(await log.head()), begun }
      if (dryRun) return
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
    const model = await openReadModel({ file, project })
    try {
      await model.replace((beside, position) => rebuildThrough(log, beside, position))
      yield { step: 'switched', position: String(model.position) }
    } finally {
      await model.close()
    }
  } finally {
    unlock()
    await log.close()
  }
}

const tick = () => new Promise<false>((resolve) => setTimeout(() => resolve(false), TELL_EVERY_MS))

async function positionOf(file: string, project: string): Promise<string> {
  const model = await openReadModel({ file, project })
  try {
    return String(model.position)
  } finally {
    await model.close()
  }
}

function asFailure(error: unknown): never {
  if (error instanceof NoLog) throw new Failure(error.message)
  if (error instanceof LogLocked)
    throw new Failure('the service runs on these files: leave --offline out, or stop it first')
  throw error
}
