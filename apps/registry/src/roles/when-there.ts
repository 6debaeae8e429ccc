// What a start needs of servers that it shares with other replicas: a server that goes away in the middle of a start is
// waited for, as one that was not there yet.
import { LIMITS } from '../limits.js'
import { warn } from '../lines.js'
import { pause } from '../signals.js'
import { refusalOf } from '../unavailable.js'

/**
 * Does the work, again and again while it is refused as `unavailable`.
 * @param what is waited for, in a line
 * @throws the signal's reason, and what the work fails with otherwise
 */
export async function whenThere<T>(what: string, stop: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    stop.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal?.code !== 'unavailable') throw error
      if (attempt === 1) warn(`waiting for ${what}: ${refusal.detail}`)
    }
    await pause(LIMITS.openRetry_ms, stop)
  }
}
