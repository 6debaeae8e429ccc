// What a bad day starts from: a real nats-server, a registry process over a data directory, and a client of the bus,
// all of its own. Whatever a test adds is ended with it, last first, and the directory is removed.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FollowOptions, followAssistants } from '@assistant-ledger/client'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'
import { type RegistryProcess, startRegistry } from '../support/registry.js'

/** One test, with starts of several processes in it. */
export const TEST_TIMEOUT_MS = 120_000

export type Follower = Awaited<ReturnType<typeof followAssistants>>

export interface Day {
  readonly nats: NatsServer
  readonly dataDir: string
  /** Reconnects for ever: what dies in a test comes back. */
  readonly connection: NatsConnection
  /** The registry process of the moment. */
  readonly registry: RegistryProcess
  startRegistry(env?: Record<string, string>): Promise<RegistryProcess>
  follow(name: string, options?: Partial<FollowOptions>): Promise<Follower>
  /** Adds to what is ended after the test. */
  defer(end: () => Promise<unknown> | unknown): void
  end(): Promise<void>
}

/** Starts NATS and, unless told otherwise, a registry. */
export async function beginDay(options: { registry?: boolean } = {}): Promise<Day> {
  const ends: (() => Promise<unknown> | unknown)[] = []
  const end = async () => {
    for (const one of ends.splice(0).reverse()) await one()
  }
  try {
    const dataDir = await mkdtemp(join(tmpdir(), 'assistant-ledger-faults-'))
    ends.push(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }))
    const nats = await startNatsServer()
    ends.push(() => nats.stop())
    let registry: RegistryProcess | undefined
    ends.push(() => registry?.stop())
    const begin = async (env: Record<string, string> = {}) => {
      registry = await startRegistry({ natsUrl: nats.url, dataDir, env })
      return registry
    }
    if (options.registry !== false) await begin()
    const connection = await connect({
      servers: nats.url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      reconnectJitter: 50,
    })
    ends.push(() => connection.close())
    return {
      nats,
      dataDir,
      connection,
      get registry() {
        if (!registry) throw new Error('no registry was started')
        return registry
      },
      startRegistry: begin,
      async follow(name, more = {}) {
        const follower = await followAssistants({
          servers: nats.url,
          environment: 'live',
          graphs: ['writer'],
          runner: { name, build: 'faults' },
          ...more,
        })
        ends.push(() => follower.close())
        return follower
      },
      defer: (one) => void ends.push(one),
      end,
    }
  } catch (error) {
    await end()
    throw error
  }
}
