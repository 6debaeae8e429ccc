// Waiting for a condition of another process: asked again and again until it holds, given up at a named deadline
// with what was seen last. Nothing here waits by the clock for something to have happened.
import { isDeepStrictEqual } from 'node:util'

const ASK_AGAIN_MS = 20

/** Lets other work go on between two questions. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * Resolves with the first answer that `accept` takes, and how long that took.
 * @throws Error naming `what` and the last answer, or the last error, when the deadline passes
 */
export async function until<Answer>(
  what: string,
  deadlineMs: number,
  ask: () => Answer | Promise<Answer>,
  accept: (answer: Answer) => boolean,
): Promise<{ answer: Answer; tookMs: number }> {
  const began = performance.now()
  let last: unknown
  do {
    try {
      const answer = await ask()
      if (accept(answer)) return { answer, tookMs: performance.now() - began }
      last = answer
    } catch (error) {
      last = error
    }
    await pause(ASK_AGAIN_MS)
  } while (performance.now() - began < deadlineMs)
  throw new Error(`${what}: not within ${deadlineMs} ms; last seen: ${show(last)}`)
}

/** As `until`, for an answer that has to become equal to `wanted`. */
export const untilEqual = <Answer>(
  what: string,
  deadlineMs: number,
  ask: () => Answer | Promise<Answer>,
  wanted: Answer,
) => until(what, deadlineMs, ask, (answer) => isDeepStrictEqual(answer, wanted))

const SHOWN_CHARACTERS = 2000

function show(value: unknown): string {
  if (value instanceof Error) return value.stack ?? value.message
  const plain = value instanceof Map ? [...value] : value
  const text =
    JSON.stringify(plain, (_, part) => (typeof part === 'bigint' ? String(part) : part)) ?? 'nothing'
  return text.slice(0, SHOWN_CHARACTERS)
}
