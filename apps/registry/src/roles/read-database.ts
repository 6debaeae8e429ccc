// The read database is disposable: one that knows more than the log does, or another log, is made again from it.
import { rm } from 'node:fs/promises'
import type { Ledger } from '@assistant-ledger/assistant'
import type { EventLog } from '@assistant-ledger/event-log'
import { openReadModel, type ReadModel } from '@assistant-ledger/read-model'

/** Opens the read database of this very log, an empty one when what is there belongs to another. */
export async function openReadDatabase(
  file: string,
  project: string,
  log: EventLog,
  ledger: Ledger,
  say: (line: string) => void,
): Promise<ReadModel> {
  const model = await openReadModel({ file, project })
  const { ledger: known, position } = model
  const other = known !== undefined && known.logId !== ledger.logId
  if (!other && position <= (await log.head())) return model
  say(
    other
      ? 'the read database is of another log: making it again'
      : 'the read database is ahead of the log: making it again',
  )
  await model.close()
  for (const end of ['', '-wal', '-shm']) await rm(file + end, { force: true })
  return openReadModel({ file, project })
}
