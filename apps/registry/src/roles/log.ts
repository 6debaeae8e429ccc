// Where the events are: a file, or an EventStoreDB.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type EventLog,
  EventStoreNotReady,
  openEmbeddedLog,
  openEventStoreLog,
} from '@assistant-ledger/event-log'
import { LIMITS } from '../limits.js'
import { warn } from '../lines.js'
import type { Settings } from '../settings.js'
import { pause } from '../signals.js'

/** Opens the log; an EventStoreDB that is not there yet is waited for. */
export async function openLog({ grown, dataDir, project }: Settings, stop: AbortSignal): Promise<EventLog> {
  if (!grown) {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    return openEmbeddedLog({ file: join(dataDir, 'log.db') })
  }
  for (let attempt = 1; ; attempt++) {
    stop.throwIfAborted()
    try {
      return await openEventStoreLog({ url: grown.eventStoreUrl, project, onTrouble: warn })
    } catch (error) {
      if (!(error instanceof EventStoreNotReady) || error.missing !== 'away') throw error
      if (attempt === 1) warn(`waiting for EventStoreDB: ${error.message}`)
    }
    await pause(LIMITS.openRetry_ms, stop)
  }
}
