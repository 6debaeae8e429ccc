// One connection to NATS that is never given up: the first attempt, every break, a connection that is open but dead,
// and one that the library closed all lead to another attempt.
import { setTimeout as delay } from 'node:timers/promises'
import { connect, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'

const RETRY_MS = 250
const JITTER_MS = 500
const CONNECT_TIMEOUT_MS = 2_000
const CLOSE_TIMEOUT_MS = 500
const PING_EVERY_MS = 5_000
const PINGS_UNANSWERED = 2

export interface ConnectionEvents {
  onConnected(nc: NatsConnection): void
  onReconnected(nc: NatsConnection): void
  onDisconnected(): void
  onError(error: unknown): void
}

export class Connection {
  #nc: NatsConnection | undefined
  #up = false
  readonly #stop = new AbortController()
  readonly #done: Promise<void>

  constructor(options: NodeConnectionOptions, events: ConnectionEvents) {
    this.#done = this.#run(options, events)
  }

  /** Undefined before the first success. */
  get nc(): NatsConnection | undefined {
    return this.#up ? this.#nc : undefined
  }

  /** Breaks a connection that is open but dead, so that another one is made. */
  breakOff(): void {
    if (this.#up) this.#nc?.reconnect().catch(() => undefined)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#up = false
    await this.#nc?.close()
    // An attempt that is under way ends by itself, and closes what it opened.
    await Promise.race([this.#done, delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })])
  }

  async #run(options: NodeConnectionOptions, events: ConnectionEvents): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        const nc = await connect({ ...DEFAULTS, ...options })
        this.#nc = nc
        if (signal.aborted) return await nc.close()
        this.#up = true
        void this.#watch(nc, events)
        events.onConnected(nc)
        const error = await nc.closed()
        if (error) events.onError(error)
      } catch (error) {
        events.onError(error)
      }
      this.#up = false
      await delay(RETRY_MS + Math.random() * JITTER_MS, undefined, { signal }).catch(() => undefined)
    }
  }

  async #watch(nc: NatsConnection, events: ConnectionEvents): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') {
        this.#up = false
        events.onDisconnected()
      } else if (status.type === 'reconnect') {
        this.#up = true
        events.onReconnected(nc)
      } else if (status.type === 'error') events.onError(status.error)
    }
  }
}

const DEFAULTS: NodeConnectionOptions = {
  maxReconnectAttempts: -1,
  reconnectTimeWait: RETRY_MS,
  reconnectJitter: JITTER_MS,
  timeout: CONNECT_TIMEOUT_MS,
  pingInterval: PING_EVERY_MS,
  maxPingOut: PINGS_UNANSWERED,
  ignoreAuthErrorAbort: true,
}
