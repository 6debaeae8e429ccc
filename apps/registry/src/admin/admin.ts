// What is done to the log and the read side as a whole.
import { refuse } from '@assistant-ledger/assistant'
import type { Publisher } from '@assistant-ledger/change-feed'
import type { EventLog } from '@assistant-ledger/event-log'
import type { ReadModel } from '@assistant-ledger/read-model'
import { RefusalError } from '../bus/contract.js'
import type { Sender } from '../headers.js'
import { noteImport } from '../roles/ledger.js'
import type { Streams } from '../streams.js'
import { ImportAssistant } from './import-assistant.js'
import { ImportEvents } from './import-events.js'
import { readNote } from './import-requests.js'
import type { RebuildWork } from './rebuild-worker.js'
import { type FeedChoices, replayFeed } from './replay-feed.js'
import { replayReadModel } from './replay-read-model.js'

export interface AdminOf {
  readonly log: EventLog
  readonly model: ReadModel
  readonly streams: Streams
  readonly project: string
  /** Whether others may write to the log too. */
  readonly shared: boolean
  /** Where log and read model are, for a thread of its own. */
  readonly places: RebuildWork
  /** Who publishes, where this replica does. */
  readonly publisher: () => Publisher | undefined
  /** Which process publishes instead, `<pid>@<host>`, as far as that is known. */
  readonly whoPublishes: () => Promise<string | undefined>
  /** Does something while nobody projects in this process. */
  readonly paused: <T>(something: () => Promise<T>) => Promise<T>
}

export class Admin {
  readonly imports: ImportEvents
  readonly assistants: ImportAssistant
  private running: { readonly signal: AbortSignal; readonly ended: Promise<void> } | undefined

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

  /**
   * Makes the read model again beside the live one, and puts it in its place.
   * @throws RefusalError `busy` while another replay runs
   */
  replayReadModel(dryRun: boolean, signal: AbortSignal): AsyncGenerator<object> {
    return this.alone(() => replayReadModel(this.of, { dryRun }, signal), signal)
  }

  /**
   * Compares what NATS has with the log, and repairs it.
   * @throws RefusalError `busy` while another replay runs, `unavailable` where this replica does not publish: it names the one that does
   */
  replayFeed(choices: FeedChoices, signal: AbortSignal): AsyncGenerator<object> {
    return this.alone(() => replayFeed(this.of, choices, signal), signal)
  }

  private async *alone(lines: () => AsyncGenerator<object>, signal: AbortSignal): AsyncGenerator<object> {
    // One whose asker has gone comes to its end soon, and what it has done is gone on with.
    while (this.running?.signal.aborted) await this.running.ended
    if (this.running) throw new RefusalError(refuse('busy', 'Another replay runs already; wait for its end'))
    let end = () => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    this.running = { signal, ended }
    try {
      yield* lines()
    } finally {
      this.running = undefined
      end()
    }
  }

  /** @throws RefusalError */
  async note(body: Readonly<Record<string, unknown>>, { actor, reason }: Sender): Promise<bigint> {
    const by = { actor, ...(reason === undefined ? {} : { reason }) }
    return noteImport(this.of.log, this.of.project, readNote(body), by)
  }
}
