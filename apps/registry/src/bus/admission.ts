// How many requests may be under way: so many run, so many wait in their order, and the next is turned away. Without
// it a burst would sit in memory, unanswered, until those who sent it have long given up.
import type { BusLimits } from './limits.js'

export class Admission<T> {
  #running = 0
  #bytes = 0
  #first = 0
  #waiting: { readonly item: T; readonly bytes: number }[] = []
  #idle: (() => void)[] = []

  constructor(
    private readonly limits: Pick<BusLimits, 'running' | 'queued' | 'admittedBytes'>,
    /** Starts an item; the promise ends when it is done with, and never rejects. */
    private readonly start: (item: T) => Promise<void>,
  ) {}

  get running(): number {
    return this.#running
  }

  get queued(): number {
    return this.#waiting.length - this.#first
  }

  /** False when there is no room: the item is not taken. */
  admit(item: T, bytes: number): boolean {
    if (this.#bytes > 0 && this.#bytes + bytes > this.limits.admittedBytes) return false
    if (this.#running >= this.limits.running) {
      if (this.queued >= this.limits.queued) return false
      this.#bytes += bytes
      this.#waiting.push({ item, bytes })
      return true
    }
    this.#bytes += bytes
    this.#run(item, bytes)
    return true
  }

  /** Takes away everything that waits. */
  takeQueued(): T[] {
    const left = this.#waiting.slice(this.#first)
    this.#waiting = []
    this.#first = 0
    for (const { bytes } of left) this.#bytes -= bytes
    return left.map(({ item }) => item)
  }

  /** Resolves once nothing runs or waits. */
  idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  #run(item: T, bytes: number): void {
    this.#running++
    void this.start(item).then(() => {
      this.#running--
      this.#bytes -= bytes
      this.#next()
    })
  }

  #next(): void {
    const next = this.#waiting[this.#first]
    if (next) {
      this.#first++
      // Moved to the front in one go now and then: a shift of every item would cost the whole queue each time.
      if (this.#first > this.limits.queued || this.#first === this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#first)
        this.#first = 0
      }
      this.#run(next.item, next.bytes)
    } else if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }
}
