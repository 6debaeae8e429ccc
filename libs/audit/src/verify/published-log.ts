// Which log NATS has, by the checkpoint of its publisher. One of another log differs in everything: that is said once.
import { bucketStream, keySubject, PUBLISHER_KEY } from '@assistant-ledger/change-feed'
import { jetstreamManager } from '@nats-io/jetstream'
import { readEntry } from './bucket-values.js'
import type { Bus } from './stored.js'

/** The id of the log that was published there; undefined when none says so. */
export async function publishedLog({ connection }: Bus, project: string): Promise<string | undefined> {
  const manager = await jetstreamManager(connection)
  const found = await manager.streams.getMessage(bucketStream(project), {
    last_by_subj: keySubject(project, PUBLISHER_KEY),
  })
  return (found && readEntry(found.string()).log_id) || undefined
}
