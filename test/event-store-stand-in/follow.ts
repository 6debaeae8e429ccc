// A subscription and what came out of it, in one line.
import { once } from 'node:events'
import type { AllStreamSubscription, StreamSubscription } from '@eventstore/db-client'
import { failure } from './observe.js'

const PATIENCE_MS = 10_000

export class Watched {
  private readonly seen: string[] = []
  private look: () => void = () => undefined

  /** @param shown how an event is put down; undefined: not at all */
  constructor(
    private readonly subscription: AllStreamSubscription | StreamSubscription,
    shown: (stream: string, revision: bigint) => string | undefined,
  ) {
    for (const name of ['confirmation', 'caughtUp', 'fellBehind', 'end'] as const)
      subscription.on(name, () => this.add(name))
    subscription.on('error', (error: unknown) => this.add(failure(error)))
    subscription.on('data', ({ event }) => this.add(event && shown(event.streamId, event.revision)))
  }

  add(what: string | undefined): void {
    if (what !== undefined) this.seen.push(what)
    this.look()
  }

  /** Resolves with all that came when this has come, or something like it, or when it is so. */
  async until(what: string | RegExp | (() => boolean)): Promise<string> {
    const is = (one: string) => (what instanceof RegExp ? what.test(one) : one === what)
    const came = () => (typeof what === 'function' ? what() : this.seen.some(is))
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve, reject) => {
      this.look = () => came() && resolve()
      timer = setTimeout(
        () => reject(new Error(`${what} did not come, but ${this.seen.join(' ')}`)),
        PATIENCE_MS,
      )
      this.look()
    })
    clearTimeout(timer)
    return this.seen.join(' ')
  }

  /** What came, once it is certain that nothing follows. */
  async stop(): Promise<string> {
    const ended = once(this.subscription, 'close')
    await this.subscription.unsubscribe()
    await ended
    return this.seen.filter((what) => what !== 'end').join(' ')
  }
}
