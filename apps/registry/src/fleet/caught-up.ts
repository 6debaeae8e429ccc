// What is computed from the read model waits until it shows the event that asks for it, however late the projection is.
import type { ReadModel } from '@assistant-ledger/read-model'
import { FLEET_LIMITS } from './limits.js'

/** Resolves when the read model shows a position, or at the signal. */
export async function caughtUp(model: ReadModel, position: bigint, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await model.reached(position, FLEET_LIMITS.look_ms)));
}
