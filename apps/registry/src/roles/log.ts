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
      return await openEventStoreLog({ url: grown.eventStoreUrl, project, onTrouble: sparingly(warn) })
    } catch (error) {
      if (!(error instanceof EventStoreNotReady) || error.missing !== 'away') throw error
      if (attempt === 1) warn(`waiting for EventStoreDB: ${error.message}`)
    }
    await pause(LIMITS.openRetry_ms, stop)
  }
}

/** What goes wrong again and again while a server is away is said once in a while. */
function sparingly(tell: (line: string) => void): (line: string) => void {
  const last = new Map<string, number>()
  return (line) => {
    const kind = line.replaceAll(/\d+/g, '#')
    const now = performance.now()
    if (now - (last.get(kind) ?? Number.NEGATIVE_INFINITY) < LIMITS.troubleEvery_ms) return
    if (last.size >= KINDS) last.clear()
    last.set(kind, now)
    tell(line)
  }
}

/** Kinds of trouble that are told apart at a time. */
const KINDS = 100
