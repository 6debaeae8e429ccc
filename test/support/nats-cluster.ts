// Three nats-servers that are one cluster with JetStream, on loopback.
import { createServer } from 'node:net'
import { type NatsServer, startNatsServer } from './nats-server.js'

export interface NatsCluster {
  readonly servers: readonly NatsServer[]
  /** All of them, for a client. */
  readonly urls: readonly string[]
  /** The one of that name, as JetStream tells who leads what. */
  named(name: string): NatsServer
  stop(): Promise<void>
}

const NAMES = ['nats-1', 'nats-2', 'nats-3']

export async function startNatsCluster(): Promise<NatsCluster> {
  const ports = await freePorts(NAMES.length)
  const routes = ports.map((port) => `nats-route://127.0.0.1:${port}`).join(', ')
  const started = await Promise.allSettled(
    NAMES.map((name, index) =>
      startNatsServer({
        config: [
          `server_name: ${name}`,
          `cluster { name: ledger, listen: "127.0.0.1:${ports[index]}", routes: [${routes}] }`,
        ].join('\n'),
      }),
    ),
  )
  const servers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const stop = async () => void (await Promise.all(servers.map((server) => server.stop())))
  const failed = started.find((one) => one.status === 'rejected')
  if (failed) {
    await stop()
    throw failed.reason
  }
  return {
    servers,
    urls: servers.map(({ url }) => url),
    named(name) {
      const server = servers[NAMES.indexOf(name)]
      if (!server) throw new Error(`there is no server ${name}`)
      return server
    },
    stop,
  }
}

/** Ports that were free a moment ago, all at once so that none is given twice. */
async function freePorts(count: number): Promise<number[]> {
  const listening = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = listening.map((server) => (server.address() as { port: number }).port)
  await Promise.all(listening.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
