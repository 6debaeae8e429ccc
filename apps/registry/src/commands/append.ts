// The append of what was decided. An append in doubt is settled by sending the very same events again: the log
// answers a repetition with its first outcome, so that nothing is written twice.
import { setTimeout as pause } from 'node:timers/promises'
import { refuse } from '@assistant-ledger/assistant'
import {
  type Appended,
  type EventData,
  type EventLog,
  type ExpectedRevision,
  LogInDoubt,
  LogRejected,
  LogUnavailable,
} from '@assistant-ledger/event-log'
import { RefusalError } from '../bus/contract.js'
import { LIMITS } from '../limits.js'
import { timedAppend } from '../observability/timed.js'

/**
 * Appends all events or none.
 * @throws LogConflict for the caller to decide again
 * @throws RefusalError `unavailable` or `too-large`
 */
export async function appendSurely(
  log: EventLog,
  stream: string,
  expected: ExpectedRevision,
  events: readonly EventData[],
): Promise<Appended> {
  // Once in doubt, always in doubt: a later attempt that was turned away says nothing about the one before.
  let doubted = false
  const until = performance.now() + LIMITS.append_ms
  for (let attempt = 1; ; attempt++) {
    try {
      return await timedAppend(() => log.append(stream, expected, events))
    } catch (error) {
      const turnedAway = error instanceof LogUnavailable || error instanceof LogRejected
      if (error instanceof LogInDoubt) doubted = true
      else if (!doubted || !turnedAway) throw certain(error)
      if (attempt === LIMITS.appends || performance.now() > until)
        throw new RefusalError(
          refuse(
            'unavailable',
            'Whether the command took effect is unknown; send it again with the same Idempotency-Key',
          ),
        )
    }
    await pause(LIMITS.appendPause_ms * 2 ** (attempt - 1))
  }
}

/** What an append that left no doubt ended with. */
function certain(error: unknown): unknown {
  if (error instanceof LogRejected && error.reason === 'too-large')
    return new RefusalError(refuse('too-large', error.message))
  // A right that the service has lost is for its operator; whoever asks can only ask again.
  const denied = error instanceof LogRejected && error.reason === 'denied'
  if (denied || error instanceof LogUnavailable)
    return new RefusalError(refuse('unavailable', 'The event log cannot be written to; nothing was changed'))
  return error
}
