// Ctrl-C: the first one asks what is under way to stop cleanly, the second one ends the process.
import { setTimeout as pause } from 'node:timers/promises'
import { EXIT } from './failure.js'

/** The reason of the signal that the first Ctrl-C aborts; with a message where there is something to say. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** After that, one who waits is told how to end it at once. */
const PATIENCE_MS = 1_000

/** How long a Ctrl-C that ended another program may take to be told of here. */
const LATE_MS = 1_000

/** Of each program that has the terminal now: told of a Ctrl-C there, which comes to this process too. */
const borrowers = new Set<() => void>()

/**
 * While another program has the terminal, Ctrl-C is for that one alone.
 * @param work resolves with the program's exit code, or the name of the signal that ended it
 */
export async function lendingTerminal(work: () => Promise<number | string>): Promise<number | string> {
  const late = new AbortController()
  const heard = () => late.abort()
  borrowers.add(heard)
  try {
    const ended = await work()
    // Which of the two comes first here, its end or the Ctrl-C that ended it, nobody says.
    if (ended === EXIT.interrupted || ended === 'SIGINT')
      await pause(LATE_MS, undefined, { signal: late.signal }).catch(() => undefined)
    return ended
  } finally {
    borrowers.delete(heard)
  }
}

export function onInterrupt(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController()
  let patience: NodeJS.Timeout | undefined
  const stop = (signal: NodeJS.Signals) => {
    if (borrowers.size > 0 && signal === 'SIGINT') {
      for (const heard of borrowers) heard()
      return
    }
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
