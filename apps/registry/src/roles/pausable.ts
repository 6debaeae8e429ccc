// Work that runs until its signal and can be stopped for a while: what it works on is replaced meanwhile.

export class Pausable {
  private stop = new AbortController()
  private resumed: Promise<void> = Promise.resolve()
  private stopped: Promise<void> = Promise.resolve()

  constructor(private readonly work: (signal: AbortSignal) => Promise<void>) {}

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.stop = new AbortController()
      const working = this.work(AbortSignal.any([signal, this.stop.signal]))
      this.stopped = working.catch(() => undefined)
      await working
      if (!this.stop.signal.aborted) return
      await this.resumed
    }
  }

  /** Does something while the work stands still. */
  async during<T>(something: () => Promise<T>): Promise<T> {
    let resume = () => {}
    this.resumed = new Promise((resolve) => {
      resume = resolve
    })
    this.stop.abort()
    await this.stopped
    try {
      return await something()
    } finally {
      resume()
    }
  }
}
