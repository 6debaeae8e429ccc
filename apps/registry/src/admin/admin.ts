// What is done to the log and the read side as a whole.
import type { EventLog } from '@assistant-ledger/event-log'
import type { ReadModel } from '@assistant-ledger/read-model'
import type { Sender } from '../headers.js'
import { noteImport } from '../roles/ledger.js'
import type { Streams } from '../streams.js'
import { ImportAssistant } from './import-assistant.js'
import { ImportEvents } from './import-events.js'
import { readNote } from './import-requests.js'

export interface AdminOf {
  readonly log: EventLog
  readonly model: ReadModel
  readonly streams: Streams
  readonly project: string
  /** Whether others may write to the log too. */
  readonly shared: boolean
}

export class Admin {
  readonly imports: ImportEvents
  readonly assistants: ImportAssistant

  constructor(private readonly of: AdminOf) {
    this.imports = new ImportEvents(of.log, of.shared)
    this.assistants = new ImportAssistant(of.log, of.streams)
  }

  /** Which log this is. */
  standing() {
    const { project, model, shared } = this.of
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
    return noteImport(this.of.log, this.of.project, readNote(body), by)
  }
}
