// The end of our patience: the client waits for ever for most of what it asks.

/** Our own timer ran out. */
export class TimeOver extends Error {
  override readonly name = 'TimeOver'
  constructor(what: string, limit_ms: number) {
    super(`${what} took longer than ${limit_ms} ms`)
  }
}

/**
 * What the promise comes to, unless that takes too long; what it comes to then is nobody's any more.
 * @throws TimeOver
 */
export async function within<T>(promise: Promise<T>, limit_ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeOver(what, limit_ms)), limit_ms)
  })
  promise.catch(() => undefined)
  try {
    return await Promise.race([promise, over])
  } finally {
    clearTimeout(timer)
  }
}
