// Who waits for the projection to reach a position: woken by its commits, never by polling.

interface Waiter {
  readonly position: bigint
  settle(reached: boolean): void
}

export class Waiters {
  private readonly waiting = new Set<Waiter>()
  private readonly listeners = new Set<(position: bigint) => void>()
  private closed = false

  /** Resolves with whether an advance to `position` came within the time. */
  wait(position: bigint, timeout_ms: number): Promise<boolean> {
    if (this.closed) return Promise.resolve(false)
    return new Promise((resolve) => {
      const timer = setTimeout(() => waiter.settle(false), timeout_ms)
      const waiter: Waiter = {
        position,
        settle: (reached) => {
          clearTimeout(timer)
          this.waiting.delete(waiter)
          resolve(reached)
        },
      }
      this.waiting.add(waiter)
    })
  }

  listen(listener: (position: bigint) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  advance(position: bigint): void {
    for (const waiter of this.waiting) if (waiter.position <= position) waiter.settle(true)
    for (const listener of this.listeners) listener(position)
  }

  close(): void {
    this.closed = true
    for (const waiter of this.waiting) waiter.settle(false)
    this.listeners.clear()
  }
}
