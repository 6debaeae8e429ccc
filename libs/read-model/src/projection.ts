// The projection: follows the log and applies it in batches, as large as they come while it catches up, as small as
// they come while it is live.
import { assistantIdOf, ledgerStream, streamPrefixes } from '@assistant-ledger/assistant'
import type { EventLog, RecordedEvent } from '@assistant-ledger/event-log'
import type { ReadModel } from './read-model.js'

/** Events of one transaction at most. */
const BATCH_EVENTS = 500

export class Projection {
  constructor(
    private readonly log: EventLog,
    private readonly model: ReadModel,
    private readonly options: { readonly project: string },
  ) {}

  /** Runs until the signal; rejects when the projection must not go on (CheckpointMoved, RevisionGap). */
  async run(signal: AbortSignal): Promise<void> {
    const { project } = this.options
    const prefixes = streamPrefixes(project)
    // A prefix alone would take the ledger of a project whose name begins with this one's.
    const ours = ({ stream }: RecordedEvent) =>
      assistantIdOf(stream) !== undefined || stream === ledgerStream(project)
    let batch: RecordedEvent[] = []
    for await (const seen of this.log.follow({ after: this.model.position, prefixes, signal })) {
      if (seen.type === 'event') {
        if (ours(seen.event)) batch.push(seen.event)
        if (batch.length < BATCH_EVENTS) continue
        await this.model.apply(batch, seen.event.position)
      } else await this.model.apply(batch, seen.position)
      batch = []
    }
  }
}
