// What the compose files bring, as plain processes on loopback: the commands and the environment of their services, with
// nothing changed but where each part is. In the place of each EventStoreDB is one stand-in; PostgreSQL and NATS are real.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { until } from '../faults/until.js'
import { startStandIn } from '../support/event-store/start.js'
import { startPostgres } from '../support/postgres.js'
import { milliseconds, readCompose, type Service } from './compose.js'
import { readFinalStage } from './image.js'
import { type Program, startProgram } from './programs.js'

const NATS_DEADLINE_MS = 15_000
const PORTS_EACH = 3

export interface Topology {
  readonly natsServers: readonly string[]
  /** Starts a service of this repository's image. */
  start(name: string): Program
  /** Runs the service's own health check, where it is now. @returns whether it is healthy */
  isHealthy(name: string): boolean
  /** Milliseconds that `docker stop` would wait for it. */
  graceOf(name: string): number
  /** Kills a NATS server. */
  killNats(name: string): Promise<void>
  end(): Promise<void>
}

export async function startTopology(
  files: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<Topology> {
  const compose = readCompose(files, variables)
  const service = (name: string) => compose.services[name] as Service
  const home = await mkdtemp(join(tmpdir(), 'assistant-ledger-compose-'))
  const ends: (() => Promise<unknown>)[] = [() => rm(home, { recursive: true, force: true, maxRetries: 5 })]
  const end = async () => {
    for (const one of ends.splice(0).reverse()) await one()
  }
  try {
    const store = await startStandIn()
    ends.push(() => store.stop())
    const postgres = await startPostgres()
    ends.push(() => postgres.stop())
    await postgres.createDatabase(service('postgres').environment.POSTGRES_DB as string)
    const names = Object.keys(compose.services)
    const ports = await freePorts(PORTS_EACH * names.length)
    /** The ports of a service: its own, and for NATS also the monitor's and the routes'. */
    const portsOf = (name: string) => {
      const [port = 0, monitor = 0, routes = 0] = ports.slice(PORTS_EACH * names.indexOf(name))
      return { port, monitor, routes }
    }

    /** Where each part is here, by how the files call it. */
    const places = names.flatMap((name) => {
      const { port, routes } = portsOf(name)
      return [
        [`${name}:2113`, `127.0.0.1:${store.port}`],
        [`${name}:5432`, `127.0.0.1:${postgres.port}`],
        [`${name}:4222`, `127.0.0.1:${port}`],
        [`${name}:6222`, `127.0.0.1:${routes}`],
      ] as const
    })
    /** What a service is told, as it is here. */
    const here = (name: string, text: string) => {
      const { port, monitor, routes } = portsOf(name)
      const own = [
        ['0.0.0.0:6222', `127.0.0.1:${routes}`],
        ['0.0.0.0', '127.0.0.1'],
        ['8123', String(port)],
        ['8222', String(monitor)],
        ['/app/', `${resolve('.')}/`],
        ['/data', join(home, name)],
        ['/etc/nats', join(home, name)],
      ] as const
      return [...places, ...own].reduce((told, [there, place]) => told.replaceAll(there, place), text)
    }
    for (const name of names) await mkdir(join(home, name))
    const nats = new Map<string, ChildProcess>()
    for (const name of names.filter((one) => one.startsWith('nats'))) {
      const { command = [], environment } = service(name)
      const committed = await readFile('nats.conf', 'utf8')
      const store = JSON.stringify(join(home, name))
      await writeFile(
        join(home, name, 'nats.conf'),
        committed.replace('store_dir: /data', `store_dir: ${store}`),
      )
      const place = ['--addr', '127.0.0.1', '--port', String(portsOf(name).port)]
      const args = [...command.map((arg) => here(name, arg)), ...place]
      const child = spawn(process.env.NATS_SERVER_BIN || 'nats-server', args, {
        stdio: 'ignore',
        env: { PATH: process.env.PATH, ...environment },
      })
      nats.set(name, child)
      ends.push(() => endChild(child))
    }
    const { env: imageEnv, command: imageCommand } = readFinalStage()
    const topology: Topology = {
      natsServers: [...nats.keys()].map((name) => `nats://127.0.0.1:${portsOf(name).port}`),
      start(name) {
        const { command = imageCommand, environment } = service(name)
        const env = Object.entries({ ...imageEnv, ...environment }).map(([key, value]) => [
          key,
          here(name, value),
        ])
        const program = startProgram(command, { cwd: resolve('.'), env: Object.fromEntries(env) })
        ends.push(() => program.kill())
        return program
      },
      isHealthy(name) {
        const { test = [], timeout = '1s' } = service(name).healthcheck ?? {}
        const [kind, ...command] = test.map((part) => here(name, part))
        const [program = '', ...args] = kind === 'CMD-SHELL' ? ['sh', '-c', ...command] : command
        return spawnSync(program, args, { timeout: milliseconds(timeout) }).status === 0
      },
      graceOf: (name) => milliseconds(service(name).stop_grace_period ?? '10s'),
      killNats: (name) => endChild(nats.get(name) as ChildProcess),
      end,
    }
    for (const name of nats.keys()) {
      const healthz = here(name, service(name).healthcheck?.test.at(-1) ?? '')
      await until(
        `${name} to be healthy`,
        NATS_DEADLINE_MS,
        () => fetch(healthz),
        ({ ok }) => ok,
      )
    }
    return topology
  } catch (error) {
    await end()
    throw error
  }
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

/** Ports that were free a moment ago, all at once so that none is given twice. */
async function freePorts(count: number): Promise<number[]> {
  const listening = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
      return server
    }),
  )
  const ports = listening.map((server) => (server.address() as { port: number }).port)
  await Promise.all(listening.map((server) => new Promise((closed) => server.close(closed))))
  return ports
}
