// The projecting role: follows the log from the read model's checkpoint, in batches. Behind, batches are as large as
// allowed, and the next one is read while the database writes one; live, whatever has come is applied at once.
import { streamPrefixes } from '@assistant-ledger/assistant'
import type { EventLog, RecordedEvent } from '@assistant-ledger/event-log'
import type { ApplyOptions, ReadModel } from './read-model.js'
import { turn } from './turn.js'

export const PROJECTION_LIMITS = {
  /** Events that are projected in one transaction. */
  batchEvents: 512,
  /** Events that are read at a stretch while a batch is applied, which has its turn in between. */
  readAhead: 16,
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
    let applying: Promise<void> = Promise.resolve()
    const failed = new AbortController()
    /** Begins to apply what was read, when the batch before it is done. */
    const apply = async (through: bigint) => {
      const events = batch
      batch = []
      await applying
      applying = model.apply(events, through, options)
      applying.catch(() => failed.abort())
    }
    const prefixes = streamPrefixes(options.project)
    const until = AbortSignal.any([signal, failed.signal])
    try {
      for await (const followed of log.follow({ after: model.position, prefixes, signal: until })) {
        if (followed.type === 'event') {
          const { event } = followed
          batch.push(event)
          if (batch.length === PROJECTION_LIMITS.batchEvents) await apply(event.position)
          // The log hands out what it has without a pause: let requests be answered in between, and the database served.
          if (batch.length % PROJECTION_LIMITS.readAhead === 0) await turn()
          continue
        }
        await applying
        if (batch.length > 0 || followed.position > model.position) await apply(followed.position)
        await applying
      }
    } finally {
      await applying
    }
  }
}
