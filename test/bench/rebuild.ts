// How fast the read model comes back from the log, in SQLite.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openEmbeddedLog } from '@assistant-ledger/event-log'
import { openReadModel, Projection } from '@assistant-ledger/read-model'
import type { Report } from './measure.js'

const PROJECT = 'default'

/** @param events in the log of this data directory */
export async function benchRebuild(report: Report, dataDir: string, events: number): Promise<void> {
  const file = join(dataDir, 'rebuilt.db')
  const per_second = await project(dataDir, file, events)
  report.keep('rebuild', { events, per_second })
  report.row({
    section: 'rebuild',
    name: `read model from ${events} events`,
    figure: `${Math.round(per_second)} events/s`,
    aim: '>= 20000/s',
    met: per_second >= 20_000,
  })
  await rm(file, { force: true })
}

/** Projects the log of a data directory into a new file. @returns events a second */
export async function project(dataDir: string, file: string, events: number): Promise<number> {
  const log = await openEmbeddedLog({ file: join(dataDir, 'log.db') })
  const model = await openReadModel({ file, project: PROJECT })
  const stop = new AbortController()
  const from = performance.now()
  const running = new Projection(log, model, { project: PROJECT }).run(stop.signal)
  await model.reached(await log.head(), 600_000)
  const per_second = (events * 1000) / (performance.now() - from)
  stop.abort()
  await running
  await model.close()
  await log.close()
  return per_second
}
