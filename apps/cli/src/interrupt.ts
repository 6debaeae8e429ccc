// Ctrl-C: the first one asks what is under way to stop cleanly, the second one ends the process.
import { EXIT } from './failure.js'

/** The reason of the signal that the first Ctrl-C aborts; with a message where there is something to say. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** After that, one who waits is told how to end it at once. */
const PATIENCE_MS = 1_000

export function onInterrupt(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController()
  let patience: NodeJS.Timeout | undefined
  const stop = () => {
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
