// Long work on the thread that answers requests is cut into pieces; between two of them others have their turn.
import { setImmediate } from 'node:timers/promises'

/** Resolves after everything that is ready by now has run. */
export const turn = (): Promise<void> => setImmediate()
