// A stream is for those who read it: one who takes nothing for too long is given up, with what is kept for them.

/** The lines as they are. @param giveUp called when nobody has taken the next one in time */
export async function* taken(
  lines: AsyncIterable<string>,
  stall_ms: number,
  giveUp: () => void,
): AsyncGenerator<string> {
  for await (const line of lines) {
    const timer = setTimeout(giveUp, stall_ms)
    try {
      yield line
    } finally {
      clearTimeout(timer)
    }
  }
}
