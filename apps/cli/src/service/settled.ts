// Waiting for the runners of a new assistant: a creation is answered at once, whatever it is asked to wait for.
import { setTimeout as pause } from 'node:timers/promises'
import { Failure } from '../failure.js'
import { getStanding, type Wait } from './assistants.js'
import type { Service } from './service.js'
import type { Receipt, Standing } from './shapes.js'

const AGAIN_MS = 200

/** Until no runner lags any more, or the time is over. @returns undefined: nothing is known of the runners */
export async function settled(
  service: Service,
  id: string,
  { wait_ms = 0 }: Wait,
): Promise<Receipt | undefined> {
  const { signal } = service
  for (const end = Date.now() + wait_ms; ; ) {
    const standing = await standingOf(service, id)
    const isOver = Date.now() >= end
    if (standing && (standing.lagging.length === 0 || isOver)) return receiptOf(standing)
    if (isOver) return undefined
    await pause(AGAIN_MS, undefined, { signal }).catch(() => {
      throw signal.reason
    })
  }
}

/** Undefined where the read model has not come to it yet. */
async function standingOf(service: Service, id: string): Promise<Standing | undefined> {
  try {
    return (await getStanding(service, id)).body
  } catch (error) {
    if (error instanceof Failure && error.code === 'not-found') return undefined
    throw error
  }
}

const receiptOf = ({ converged, of, active, rejected, lagging, hash }: Standing): Receipt => ({
  converged,
  of,
  active: active.length,
  rejected: rejected.map(({ runner, reason }) => ({ runner, reason })),
  lagging: lagging.map(({ runner }) => runner),
  hash,
})
