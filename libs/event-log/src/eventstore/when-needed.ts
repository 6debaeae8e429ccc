// The adapter is loaded when a store is opened: with its client it takes longer to load than all the rest of a command
// that goes through an embedded log.
import type { EventStoreLog, EventStoreLogOptions } from './open.js'

/**
 * Opens the log of a project, when the event store has what that takes. Close it, or its connections stay.
 * @throws EventStoreNotReady one line of what is missing and what to do
 */
export async function openEventStoreLog(options: EventStoreLogOptions): Promise<EventStoreLog> {
  const adapter = await import('./open.js')
  return adapter.openEventStoreLog(options)
}
