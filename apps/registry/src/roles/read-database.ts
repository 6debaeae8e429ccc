// The read database is disposable: one that knows more than the log does, or another log, is made again from it.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ledger } from '@assistant-ledger/assistant'
import type { EventLog } from '@assistant-ledger/event-log'
import { openReadModel, type ReadModel, ReadModelUnavailable } from '@assistant-ledger/read-model'
import { LIMITS } from '../limits.js'
import { warn } from '../lines.js'
import type { Settings } from '../settings.js'
import { pause } from '../signals.js'

export const readModelFile = (dataDir: string): string => join(dataDir, 'read-model.db')

/** Opens the read database of this very log, an empty one when what is there belongs to another. */
export async function openReadDatabase(
  { grown, dataDir, project }: Settings,
  log: EventLog,
  ledger: Ledger,
  stop: AbortSignal,
): Promise<ReadModel> {
  if (grown) return openShared(grown.databaseUrl, project, stop)
  const file = readModelFile(dataDir)
  const model = await openReadModel({ file, project })
  const why = await unfit(model, log, ledger)
  if (why === undefined) return model
  warn(why)
  await model.close()
  for (const end of ['', '-wal', '-shm']) await rm(file + end, { force: true })
  return openReadModel({ file, project })
}

/** Why what is in the read database cannot be of this log, as it stands. */
export async function unfit(model: ReadModel, log: EventLog, ledger: Ledger): Promise<string | undefined> {
  const { ledger: known, position } = model
  if (known !== undefined && known.logId !== ledger.logId)
    return 'the read database is of another log: making it again'
  if (position > (await log.head())) return 'the read database is ahead of the log: making it again'
  return undefined
}

/** Opens the database that replicas share; one that is not there yet is waited for. */
async function openShared(url: string, project: string, stop: AbortSignal): Promise<ReadModel> {
  for (let attempt = 1; ; attempt++) {
    stop.throwIfAborted()
    try {
      return await openReadModel({ url, project })
    } catch (error) {
      if (!(error instanceof ReadModelUnavailable)) throw error
      if (attempt === 1) warn(`waiting for PostgreSQL: ${error.message}`)
    }
    await pause(LIMITS.openRetry_ms, stop)
  }
}
