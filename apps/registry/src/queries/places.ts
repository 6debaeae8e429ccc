// How many queries read contents at once. The answers of one turn of the process are sent at its end, so a place is
// given on only after that: otherwise all that wait would be read into memory before the first is sent.

export class Places {
  private taken = 0
  private readonly waiting: (() => void)[] = []

  constructor(private readonly count: number) {}

  /** Does the work as soon as a place is free, in the order of asking. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.taken < this.count) this.taken += 1
    else await new Promise<void>((resolve) => this.waiting.push(resolve))
    try {
      return await work()
    } finally {
      setImmediate(() => this.giveOn())
    }
  }

  private giveOn(): void {
    const next = this.waiting.shift()
    if (next) next()
    else this.taken -= 1
  }
}
