// Ctrl-C: the first one asks what is under way to stop cleanly, the second one ends the process.
import { EXIT } from './failure.js'

/** The reason of the signal that the first Ctrl-C aborts; with a message where there is something to say. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** After that, one who waits is told how to end it at once. */
const PATIENCE_MS = 1_000

/** How many programs have the terminal now, to which its Ctrl-C goes too. */
let lent = 0

/** While another program has the terminal, Ctrl-C is for that one alone. */
export async function lendingTerminal<T>(work: () => Promise<T>): Promise<T> {
  lent += 1
  try {
    return await work()
  } finally {
    lent -= 1
  }
}

export function onInterrupt(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController()
  let patience: NodeJS.Timeout | undefined
  const stop = (signal: NodeJS.Signals) => {
    if (lent > 0 && signal === 'SIGINT') return
    if (controller.signal.aborted) process.exit(EXIT.interrupted)
    controller.abort(new Interrupted())
    patience = setTimeout(
      () => process.stderr.write('stopping; Ctrl-C again ends it at once\n'),
      PATIENCE_MS,
    ).unref()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return {
    signal: controller.signal,
    dispose() {
      clearTimeout(patience)
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
    },
  }
}
