// One client at a time, and a new one when it has gone bad. The vendor's client connects again by itself after some
// failures only, to what may be the same dead connection; some leave it broken for ever. A client that is replaced
// finishes what it has begun, and is closed then.
import { failureOf, isClientGone } from './failures.js'
import { EVENTSTORE_LIMITS } from './limits.js'
import { NodeClient } from './node-client.js'
import type { NodeSettings } from './settings.js'
import { within } from './within.js'

interface Held {
  readonly client: NodeClient
  calls: number
  replaced: boolean
}

export class Connection {
  /** Clients that were replaced. */
  replaced = 0
  private held: Held
  private replacedAt = Number.NEGATIVE_INFINITY
  private readonly all = new Set<Held>()

  constructor(private readonly settings: NodeSettings) {
    this.held = this.make()
  }

  /**
   * A call on the present client, told when it has ended; a failure that says that the client is no good replaces it.
   * Nothing here ends a call: whoever makes one bounds it.
   */
  async use<T>(call: (client: NodeClient) => Promise<T>): Promise<T> {
    const { client, release } = this.take()
    try {
      return await call(client)
    } catch (error) {
      this.failed(client, error)
      throw error
    } finally {
      release()
    }
  }

  /** The present client, for something longer than a call. */
  take(): { readonly client: NodeClient; release(): void } {
    const { held } = this
    held.calls += 1
    const release = () => {
      held.calls -= 1
      if (held.calls === 0 && held.replaced) void this.end(held)
    }
    return { client: held.client, release }
  }

  /** Takes note of how a client failed. */
  failed(client: NodeClient, error: unknown): void {
    if (client === this.held.client && isClientGone(failureOf(error))) this.replace()
  }

  /** Ends every call that is still under way. */
  async close(): Promise<void> {
    await Promise.all([...this.all].map((held) => this.end(held)))
  }

  private replace(): void {
    const now = performance.now()
    // While a server is away every call fails; a client for each would only make connections faster than they end.
    if (now - this.replacedAt < EVENTSTORE_LIMITS.replace_ms) return
    this.replacedAt = now
    this.replaced += 1
    const old = this.held
    this.held = this.make()
    old.replaced = true
    if (old.calls === 0) void this.end(old)
  }

  private make(): Held {
    const held = { client: new NodeClient(this.settings), calls: 0, replaced: false }
    this.all.add(held)
    return held
  }

  private async end(held: Held): Promise<void> {
    this.all.delete(held)
    await within(held.client.close(), EVENTSTORE_LIMITS.dispose_ms, 'closing a client').catch(() => undefined)
  }
}
