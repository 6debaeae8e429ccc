// A nats-server and a registry of its own for one test file, and a client of its bus.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { type BusClient, busClient } from './bus.js'
import { type NatsServer, startNatsServer } from './nats-server.js'
import { type RegistryOptions, type RegistryProcess, startRegistry } from './registry.js'

export interface Service {
  readonly nats: NatsServer
  readonly registry: RegistryProcess
  readonly connection: NatsConnection
  readonly bus: BusClient
  stop(): Promise<void>
}

export async function startService(options: Omit<RegistryOptions, 'natsUrl'> = {}): Promise<Service> {
  const nats = await startNatsServer()
  try {
    const registry = await startRegistry({ ...options, natsUrl: nats.url })
    const connection = await connect({ servers: nats.url })
    return {
      nats,
      registry,
      connection,
      bus: busClient(connection, options.env?.PROJECT),
      async stop() {
        await connection.close()
        await registry.stop()
        await nats.stop()
      },
    }
  } catch (error) {
    await nats.stop()
    throw error
  }
}
