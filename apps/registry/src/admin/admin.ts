// What is done to the log and the read side as a whole.
import type { EventLog } from '@assistant-ledger/event-log'
import type { ReadModel } from '@assistant-ledger/read-model'
import type { Sender } from '../headers.js'
import { noteImport } from '../roles/ledger.js'
import { ImportEvents } from './import-events.js'
import { readNote } from './import-requests.js'

export class Admin {
  readonly imports: ImportEvents

  constructor(
    private readonly log: EventLog,
    private readonly model: ReadModel,
    private readonly project: string,
    /** Whether others may write to the log too. */
    private readonly shared: boolean,
  ) {
    this.imports = new ImportEvents(log, shared)
  }

  /** Which log this is. */
  standing() {
    const { project, model, shared } = this
    return {
      project,
      log: shared ? 'eventstore' : 'embedded',
      log_id: model.ledger?.logId ?? null,
      epoch: model.ledger?.epoch ?? null,
      position: String(model.position),
    }
  }

  /** @throws RefusalError */
  async note(body: Readonly<Record<string, unknown>>, { actor, reason }: Sender): Promise<bigint> {
    const by = { actor, ...(reason === undefined ? {} : { reason }) }
    return noteImport(this.log, this.project, readNote(body), by)
  }
}
