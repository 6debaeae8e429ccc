// A real nats-server with JetStream on a loopback port, as `npm start` and every end-to-end test run it.
// Its start resolves when the server says that it takes connections, so nobody waits by the clock; its
// port is the server's own choice unless one is asked for, so two servers never race for one.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** A reply of the registry may be larger than the server's default of 1 MiB; configurations are at most 512 KiB. */
export const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
/** A server that has not answered by then is stopped, and the start fails with what it said. */
export const START_DEADLINE_MS = 15_000
/** A server that does not end on SIGTERM by then is killed: its store survives that. */
export const STOP_DEADLINE_MS = 1_000

const LOG_LINES_KEPT = 20

export interface NatsServerOptions {
  /** Where JetStream stores; a temporary directory, removed by `stop()`, when absent. */
  readonly storeDir?: string
  /** The port to listen on; the server chooses a free one when absent. */
  readonly port?: number
  /** Further lines of the server's configuration file, such as an `accounts` block. */
  readonly config?: string
}

export interface NatsServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly storeDir: string
  /** Ends the server cleanly and removes a store that was made for it. */
  stop(): Promise<void>
  /** Ends the process by a signal, SIGKILL unless told; the store stays, for `restart()`. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port and store; stops it first when it still runs. */
  restart(): Promise<void>
  /** Resolves with what ended the present process, whoever ended it. */
  exited(): Promise<string>
}

/** The port that was asked for is in use. */
export class PortTaken extends Error {
  constructor(readonly port: number) {
    super(`port ${port} is in use`)
  }
}

interface Running {
  readonly child: ChildProcess
  readonly pid: number
  readonly port: number
  readonly exit: Promise<string>
}

/**
 * Starts `nats-server -js` on 127.0.0.1. `NATS_SERVER_BIN` names the program when it is not on the PATH.
 * @throws PortTaken when the port that was asked for is in use
 */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const home = await mkdtemp(join(tmpdir(), 'assistant-ledger-nats-'))
  const storeDir = options.storeDir ?? join(home, 'store')
  await mkdir(storeDir, { recursive: true })
  const configFile = join(home, 'nats.conf')
  const settings = [
    `max_payload: ${MAX_PAYLOAD_BYTES}`,
    `jetstream { store_dir: ${JSON.stringify(storeDir)} }`,
    options.config ?? '',
  ]
  await writeFile(configFile, `${settings.join('\n')}\n`)

  let running: Running
  try {
    running = await launch(configFile, options.port)
  } catch (cause) {
    await rm(home, { recursive: true, force: true })
    throw cause
  }
  const { port } = running
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    storeDir,
    get pid() {
      return running.pid
    },
    async stop() {
      await end(running, 'SIGTERM')
      await rm(home, { recursive: true, force: true, maxRetries: 5 })
    },
    kill: (signal = 'SIGKILL') => end(running, signal),
    async restart() {
      await end(running, 'SIGTERM')
      running = await launch(configFile, port)
    },
    exited: () => running.exit,
  }
}

/** Its own process group: a Ctrl-C of the terminal reaches only us, and we end the parts in their order. */
async function launch(configFile: string, port: number | undefined): Promise<Running> {
  const program = process.env.NATS_SERVER_BIN || 'nats-server'
  const address = ['-a', '127.0.0.1', '-p', String(port ?? -1)]
  const child = spawn(program, ['-js', '-c', configFile, ...address], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const said: string[] = []
  const exit = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
  const ready = new Promise<number>((resolve) => {
    let listening = 0
    createInterface({ input: child.stderr }).on('line', (line) => {
      said.push(line)
      if (said.length > LOG_LINES_KEPT) said.shift()
      listening = Number(/client connections on \S*:(\d+)/.exec(line)?.[1] ?? listening)
      if (line.includes('Server is ready')) resolve(listening)
    })
  })
  const deadline = new AbortController()
  const late = setTimeout(() => deadline.abort(), START_DEADLINE_MS)
  const overdue = once(deadline.signal, 'abort').then(() => `no answer within ${START_DEADLINE_MS} ms`)
  const first = await Promise.race([ready, exit, overdue])
  clearTimeout(late)
  if (typeof first === 'number' && child.pid !== undefined) {
    return { child, pid: child.pid, port: first, exit }
  }
  child.kill('SIGKILL')
  if (port !== undefined && said.some((line) => line.includes('address already in use'))) {
    throw new PortTaken(port)
  }
  throw new Error(`${program} did not start: ${first}\n${said.join('\n')}`)
}

async function end(running: Running, signal: NodeJS.Signals): Promise<void> {
  if (running.child.exitCode !== null || running.child.signalCode !== null) return
  running.child.kill(signal)
  const force = setTimeout(() => running.child.kill('SIGKILL'), STOP_DEADLINE_MS)
  await running.exit
  clearTimeout(force)
}
