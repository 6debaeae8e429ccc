// The connection that listens: it says when the checkpoint may have moved. What it has missed while it was cut off it
// makes up for by saying so after each reconnection, and it looks every now and then whether it still hears anything.
import { setTimeout as pause } from 'node:timers/promises'
import type { CompiledQuery } from 'kysely'
import pg from 'pg'
import type { Runner } from '../statement.js'
import { cut } from './connections.js'
import { POSTGRES_LIMITS } from './limits.js'
import { PreparedNames, Session } from './session.js'
import { translated } from './unavailable.js'

export class Listener {
  /** Whether it hears anything. */
  connected = false
  private readonly stopping = new AbortController()
  private running: Promise<void> | undefined

  constructor(
    private readonly config: pg.ClientConfig,
    private readonly channel: string,
  ) {}

  /** Resolves after `moved` has run for the first time. @throws ReadModelUnavailable */
  async start(moved: (runner: Runner) => Promise<void>): Promise<void> {
    const first = await this.connect(moved)
    this.running = this.run(first, moved)
  }

  async close(): Promise<void> {
    this.stopping.abort()
    await this.running
  }

  private async run(first: Hearing, moved: (runner: Runner) => Promise<void>): Promise<void> {
    let hearing: Hearing | undefined = first
    let wait: number = POSTGRES_LIMITS.reconnect_ms
    const { signal } = this.stopping
    while (!signal.aborted) {
      if (hearing) {
        wait = POSTGRES_LIMITS.reconnect_ms
        await this.hear(hearing, moved)
      }
      if (signal.aborted) break
      await pause(wait, undefined, { signal }).catch(() => undefined)
      wait = Math.min(2 * wait, POSTGRES_LIMITS.reconnectMost_ms)
      hearing = signal.aborted ? undefined : await this.connect(moved).catch(() => undefined)
      if (hearing && signal.aborted) await hearing.close()
    }
  }

  private async connect(moved: (runner: Runner) => Promise<void>): Promise<Hearing> {
    const hearing = new Hearing(this.config)
    try {
      await hearing.listen(this.channel)
      this.connected = true
      await moved(hearing.runner)
      return hearing
    } catch (error) {
      this.connected = false
      await hearing.close()
      throw error
    }
  }

  /** Until the connection is lost or this is closed. */
  private async hear(hearing: Hearing, moved: (runner: Runner) => Promise<void>): Promise<void> {
    const { signal } = this.stopping
    const stop = () => hearing.wake()
    signal.addEventListener('abort', stop)
    try {
      while (await hearing.next()) {
        if (signal.aborted) return
        await moved(hearing.runner)
      }
    } catch {
      // It does not answer any more: as good as lost.
    } finally {
      this.connected = false
      signal.removeEventListener('abort', stop)
      await hearing.close()
    }
  }
}

/** One connection that listens. */
class Hearing {
  readonly runner: Runner
  private readonly client: pg.Client
  private readonly session: Session
  private lost = false
  private heard = false
  private settle = (): void => {}

  constructor(config: pg.ClientConfig) {
    this.client = new pg.Client(config)
    this.session = new Session(this.client, new PreparedNames(), () => POSTGRES_LIMITS.query_ms)
    const { session } = this
    this.runner = { executeQuery: (query: CompiledQuery) => session.executeQuery(query) } as Runner
    const lost = () => {
      this.lost = true
      this.settle()
    }
    this.client.on('error', lost)
    this.client.on('end', lost)
    this.client.on('notification', () => this.wake())
  }

  async listen(channel: string): Promise<void> {
    try {
      await this.client.connect()
      await this.client.query(`listen ${pg.escapeIdentifier(channel)}`)
    } catch (error) {
      throw translated(error)
    }
  }

  wake(): void {
    this.heard = true
    this.settle()
  }

  /** Resolves when something was heard or it is time to look; with false when the connection is lost. */
  async next(): Promise<boolean> {
    if (!this.heard && !this.lost) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.settle = resolve
        timer = setTimeout(resolve, POSTGRES_LIMITS.listen_ms)
      })
      clearTimeout(timer)
    }
    this.heard = false
    return !this.lost
  }

  async close(): Promise<void> {
    const force = setTimeout(() => cut(this.client), POSTGRES_LIMITS.close_ms)
    if (this.session.broken) cut(this.client)
    await this.client.end().catch(() => undefined)
    clearTimeout(force)
  }
}
