// The projecting role: follows the log from the read model's checkpoint, in batches. Behind, batches are as large as
// allowed; live, whatever has come is applied at once.
import { streamPrefixes } from '@assistant-ledger/assistant'
import type { EventLog, RecordedEvent } from '@assistant-ledger/event-log'
import type { ApplyOptions, ReadModel } from './read-model.js'
import { turn } from './turn.js'

export const PROJECTION_LIMITS = {
  /** Events that are projected in one transaction. */
  batchEvents: 512,
} as const

export class Projection {
  constructor(
    private readonly log: EventLog,
    private readonly model: ReadModel,
    private readonly options: ApplyOptions & { readonly project: string },
  ) {}

  /**
   * Projects from where the database stands until the signal; resolves then, with everything that was begun committed.
   * @throws CheckpointMoved another projection leads
   * @throws RevisionGap the log skipped an event
   * @throws StreamUnreadable an event cannot be read, and its stream may not be quarantined
   * @throws ReadModelUnavailable the database is away: to be run again
   */
  async run(signal: AbortSignal): Promise<void> {
    const { log, model, options } = this
    await model.refresh()
    let batch: RecordedEvent[] = []
    const apply = async (through: bigint) => {
      const events = batch
      batch = []
      await model.apply(events, through, options)
    }
    const prefixes = streamPrefixes(options.project)
    for await (const followed of log.follow({ after: model.position, prefixes, signal })) {
      if (followed.type === 'event') {
        const { event } = followed
        batch.push(event)
        if (batch.length < PROJECTION_LIMITS.batchEvents) continue
        await apply(event.position)
        // The log hands out what it has without a pause: let requests be answered in between.
        await turn()
      } else if (batch.length > 0 || followed.position > model.position) await apply(followed.position)
    }
  }
}
