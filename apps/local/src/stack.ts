// Everything on one machine: NATS, the registry, three runners. Started in the order in which they need each
// other, ended the other way round.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { type Access, COMMANDER, OPEN, REGISTRY, secureAccess } from './access.js'
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

const REGISTRY_PROGRAM = fileURLToPath(new URL('../../registry/dist/main.js', import.meta.url))
const RUNNER_PROGRAM = fileURLToPath(new URL('../../runner/dist/main.js', import.meta.url))

/** What each of the runners follows, and what it is in a secure stack. */
const ENVIRONMENT = 'live'
const GRAPH = 'writer'
const RUNNERS = ['writer-eu', 'writer-us', 'writer-ap'] as const

/** What one of the runners allows; the others allow any model. */
export const ALLOWED_MODELS = ['sample-swift', 'sample-deep']

/** What is running so far, so that a start that is broken off ends it all the same. */
export class Parts {
  access: Access = OPEN
  nats?: NatsServer
  registry?: Child
  /** Where the registry answers over HTTP, as it says it. */
  http?: string
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
  if (settings.secure) parts.access = await accessOf(settings)
  const { access } = parts
  const nats = await startNats(settings, access)
  parts.nats = nats
  nats.exited().then((how) => onEnd(`nats-server ended (${how}), and with it the whole stack`))

  const registry = startChild('registry', REGISTRY_PROGRAM, {
    ...access.env(REGISTRY),
    NATS_URL: nats.url,
    DATA_DIR: settings.dataDir,
    PROJECT: settings.project,
    LANGGRAPH_JSON: settings.langgraphJson,
  })
  parts.registry = registry
  const ready = await untilLine(registry, (line) => line.includes('registry ready'))
  const http = /HTTP (http\S+?(?: \(.*?\))?),/.exec(ready)?.[1]
  if (http !== undefined) parts.http = http
  registry.events.on('exit', (how) => onEnd(lastWords(registry, how)))
  parts.connection = await connect({
    ...access.login(COMMANDER),
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
  const { access, nats } = parts
  if (nats === undefined) throw new Error('the runners need NATS')
  parts.proxy = await startTcpProxy({ host: '127.0.0.1', port: nats.port })
  const [strict, other, remote] = RUNNERS
  const plans: readonly RunnerPlan[] = [
    { name: strict, env: { NATS_URL: nats.url, ALLOWED_MODELS: ALLOWED_MODELS.join(',') } },
    { name: other, env: { NATS_URL: nats.url } },
    { name: remote, env: { NATS_URL: parts.proxy.url } },
  ]
  parts.runners = plans.map((plan) =>
    Runner.start(plan, RUNNER_PROGRAM, {
      ...access.env(plan.name),
      PROJECT: settings.project,
      ENVIRONMENT,
      GRAPHS: GRAPH,
      CACHE_DIR: join(settings.dataDir, 'cache', plan.name),
      LANGGRAPH_JSON: settings.langgraphJson,
    }),
  )
  await Promise.all(parts.runners.map((runner) => runner.live()))
  for (const { child } of parts.runners) {
    child.events.on('exit', (how) => onEnd(lastWords(child, how)))
  }
}

/** What it said comes first: after the end it would read as a new beginning. */
const lastWords = (child: Child, how: string): string =>
  `${child.name} said last:\n${child.said().replaceAll(/^/gm, '  ')}\n${child.name} ended (${how}), and with it the whole stack`

function accessOf({ dataDir, project, runners }: Settings): Promise<Access> {
  const own = RUNNERS.map((name) => ({
    name,
    role: 'runner' as const,
    environment: ENVIRONMENT,
    graphs: [GRAPH],
    runs: true,
  }))
  return secureAccess(dataDir, project, [...own, ...runners])
}

/** A default port that is taken gives way to the next free one; one that was asked for does not. */
async function startNats(settings: Settings, access: Access): Promise<NatsServer> {
  const storeDir = join(settings.dataDir, 'nats')
  for (let port = settings.natsPort; ; port += 1) {
    try {
      return await startNatsServer({ storeDir, port, config: access.serverConfig })
    } catch (error) {
      const last = settings.natsPortAsked || port >= settings.natsPort + PORTS_TRIED
      if (!(error instanceof PortTaken) || last) throw error
    }
  }
}
