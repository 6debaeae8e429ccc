// What docker-compose.yml brings, as plain processes on loopback: the commands and the environment of its services, with
// nothing changed but where each part is. In the place of EventStoreDB is its stand-in; PostgreSQL and NATS are real.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { until } from '../faults/until.js'
import { startStandIn } from '../support/event-store/start.js'
import { startPostgres } from '../support/postgres.js'
import { BASE, type Compose, milliseconds, readCompose, type Service } from './compose.js'
import { readFinalStage } from './image.js'
import { type Program, startProgram } from './programs.js'

const NATS_DEADLINE_MS = 15_000

export interface Topology {
  readonly compose: Compose
  readonly natsUrl: string
  /** Starts a service of this repository's image. */
  start(name: string): Program
  /** Runs the service's own health check, where it is now. @returns whether it is healthy */
  isHealthy(name: string): boolean
  /** Milliseconds that `docker stop` would wait for it. */
  graceOf(name: string): number
  end(): Promise<void>
}

export async function startTopology(variables: Readonly<Record<string, string>>): Promise<Topology> {
  const compose = readCompose([BASE], variables)
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
    const [natsPort = 0, monitorPort = 0, ...httpPorts] = await freePorts(4)
    const nats = await startNats(service('nats'), { port: natsPort, monitorPort, home })
    ends.push(() => endChild(nats))

    /** Where each part is here, by how the file calls it. */
    const places = {
      'eventstore:2113': `127.0.0.1:${store.port}`,
      'postgres:5432': `127.0.0.1:${postgres.port}`,
      'nats:4222': `127.0.0.1:${natsPort}`,
      '0.0.0.0': '127.0.0.1',
      '/app/': `${resolve('.')}/`,
    }
    const here = (name: string, text: string) => {
      const at = name === 'registry-1' ? httpPorts[0] : httpPorts[1]
      const all = { ...places, '8123': String(at), '8222': String(monitorPort), '/data': join(home, name) }
      return Object.entries(all).reduce((told, [there, place]) => told.replaceAll(there, place), text)
    }
    const { env: imageEnv, command: imageCommand } = readFinalStage()
    const topology: Topology = {
      compose,
      natsUrl: `nats://127.0.0.1:${natsPort}`,
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
      end,
    }
    for (const name of Object.keys(compose.services)) await mkdir(join(home, name))
    const healthz = here('nats', service('nats').healthcheck?.test.at(-1) ?? '')
    await until(
      'NATS',
      NATS_DEADLINE_MS,
      () => fetch(healthz),
      ({ ok }) => ok,
    )
    return topology
  } catch (error) {
    await end()
    throw error
  }
}

/** On the committed configuration and the service's passwords; only where it is and where it stores is another place. */
async function startNats(
  { command = [], environment }: Service,
  { port, monitorPort, home }: { port: number; monitorPort: number; home: string },
): Promise<ChildProcess> {
  const file = join(home, 'nats.conf')
  const committed = await readFile('nats.conf', 'utf8')
  await writeFile(
    file,
    committed.replace('store_dir: /data', `store_dir: ${JSON.stringify(join(home, 'nats'))}`),
  )
  const args = command.map((arg) =>
    arg.replace('/etc/nats/nats.conf', file).replace('8222', String(monitorPort)),
  )
  return spawn(
    process.env.NATS_SERVER_BIN || 'nats-server',
    [...args, '--addr', '127.0.0.1', '--port', String(port)],
    { stdio: 'ignore', env: { PATH: process.env.PATH, ...environment } },
  )
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
