// Where the log in an EventStoreDB is opened from. Its client takes 16 MiB and 60 ms to load, which whoever has an
// embedded log is spared.
import type { EventStoreLog, EventStoreLogOptions } from './open.js'

/**
 * Opens the log of a project, when the event store has what that takes. Close it, or its connections stay.
 * @throws EventStoreNotReady one line of what is missing and what to do
 */
export async function openEventStoreLog(options: EventStoreLogOptions): Promise<EventStoreLog> {
  const { openLog } = await import('./open.js')
  return openLog(options)
}
