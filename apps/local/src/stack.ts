// Everything on one machine: NATS, the registry, three runners. Started in the order in which they need each
// other, ended the other way round.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { type Child, startChild, untilLine } from './child.js'
import { type NatsServer, PortTaken, startNatsServer } from './nats-server.js'
import { Runner, type RunnerPlan } from './runners.js'
import type { Settings } from './settings.js'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js'

/** What Ctrl-C may take in all is 2 s: runners, then the registry, which records that they have left, then NATS. */
const RUNNERS_STOP_MS = 700
const REGISTRY_STOP_MS = 700

/** How far above the default a free port is looked for. */
const PORTS_TRIED = 100

const REGISTRY = fileURLToPath(new URL('../../registry/dist/main.js', import.meta.url))
const RUNNER = fileURLToPath(new URL('../../runner/dist/main.js', import.meta.url))

/** What one of the runners allows; the others allow any model. */
export const ALLOWED_MODELS = ['sample-swift', 'sample-deep']

/** What is running so far, so that a start that is broken off ends it all the same. */
export class Parts {
  nats?: NatsServer
  registry?: Child
  connection?: NatsConnection
  proxy?: TcpProxy
  runners: Runner[] = []
  #stopping?: Promise<void>

  get stopping(): boolean {
    return this.#stopping !== undefined
  }

  get pids(): readonly number[] {
    const parts = [this.nats, this.registry, ...this.runners.map(({ child }) => child)]
    return parts.flatMap((part) => part?.pid ?? [])
  }

  /** Ends everything, once; NATS last, since the last words of all others go over it. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    await this.connection?.close()
    await Promise.all(this.runners.map(({ child }) => child.stop(RUNNERS_STOP_MS)))
    await this.registry?.stop(REGISTRY_STOP_MS)
    await this.proxy?.close()
    await this.nats?.stop()
  }
}

/**
 * Starts what everything else needs: NATS, then the registry.
 * @param onEnd called when a part ends that nobody asked to end
 */
export async function startService(
  settings: Settings,
  parts: Parts,
  onEnd: (what: string) => void,
): Promise<void> {
  await mkdir(settings.dataDir, { recursive: true, mode: 0o700 })
  const nats = await startNats(settings)
  parts.nats = nats
  nats.exited().then((how) => onEnd(`nats-server ended (${how})`))

  const registry = startChild('registry', REGISTRY, {
    NATS_URL: nats.url,
    DATA_DIR: settings.dataDir,
    PROJECT: settings.project,
    LANGGRAPH_JSON: settings.langgraphJson,
  })
  parts.registry = registry
  await untilLine(registry, (line) => line.includes('registry ready'))
  registry.events.on('exit', (how) => onEnd(`registry ended (${how})\n${registry.said()}`))
  parts.connection = await connect({
    servers: nats.url,
    name: 'local',
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
  })
}

/** Starts the three runners, the last one behind the proxy, and waits until each follows the log. */
export async function startRunners(
  settings: Settings,
  parts: Parts,
  onEnd: (what: string) => void,
): Promise<void> {
  const { nats } = parts
  if (nats === undefined) throw new Error('the runners need NATS')
  parts.proxy = await startTcpProxy({ host: '127.0.0.1', port: nats.port })
  const plans: readonly RunnerPlan[] = [
    { name: 'writer-eu', env: { NATS_URL: nats.url, ALLOWED_MODELS: ALLOWED_MODELS.join(',') } },
    { name: 'writer-us', env: { NATS_URL: nats.url } },
    { name: 'writer-ap', env: { NATS_URL: parts.proxy.url } },
  ]
  parts.runners = plans.map((plan) =>
    Runner.start(plan, RUNNER, {
      PROJECT: settings.project,
      ENVIRONMENT: 'live',
      GRAPHS: 'writer',
      CACHE_DIR: join(settings.dataDir, 'cache', plan.name),
      LANGGRAPH_JSON: settings.langgraphJson,
    }),
  )
  await Promise.all(parts.runners.map((runner) => runner.live()))
  for (const { name, child } of parts.runners) {
    child.events.on('exit', (how) => onEnd(`${name} ended (${how})\n${child.said()}`))
  }
}

/** A default port that is taken gives way to the next free one; one that was asked for does not. */
async function startNats(settings: Settings): Promise<NatsServer> {
  const storeDir = join(settings.dataDir, 'nats')
  for (let port = settings.natsPort; ; port += 1) {
    try {
      return await startNatsServer({ storeDir, port })
    } catch (error) {
      const last = settings.natsPortAsked || port >= settings.natsPort + PORTS_TRIED
      if (!(error instanceof PortTaken) || last) throw error
    }
  }
}
