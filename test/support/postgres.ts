// A real PostgreSQL that the tests start themselves, in a temporary folder and on a loopback port, as a user without
// privileges. Faults are done to the whole server: its processes are killed or stopped together, as when a machine is.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import pg from 'pg'

const run = promisify(execFile)

/** A server that does not take connections by then has failed to start. */
export const START_DEADLINE_MS = 30_000
/** A server that does not end cleanly by then is killed. */
export const STOP_DEADLINE_MS = 10_000

/** A free port may be taken by another between our look and the server's start. */
const PORTS_TRIED = 5
const LINES_KEPT = 40
/** Where Debian and Homebrew keep the programs of the server; the newest version is taken. */
const HOMES = ['/usr/lib/postgresql', '/usr/local/opt', '/opt/homebrew/opt']

/** What is lost with the power does not matter to a test; everything else is as installed. */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  unix_socket_directories: '',
  listen_addresses: '127.0.0.1',
  max_connections: '200',
  // In the data folder, which goes away with the test: a killed server leaves its shared memory behind.
  dynamic_shared_memory_type: 'mmap',
  lc_messages: 'C',
}

export interface Postgres {
  /** Of a database that is there from the start. */
  readonly url: string
  readonly port: number
  /** Of the server's main process. */
  readonly pid: number
  /** Makes one more database, empty, and resolves with its URL. */
  createDatabase(name: string): Promise<string>
  /** Kills all processes of the server at once. The data stay, for `restart()`. */
  kill(): Promise<void>
  /** Stops all processes of the server: connections stay open, and nobody answers. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** Starts it again on the same port and data; ends it first when it still runs. */
  restart(): Promise<void>
  /** Ends the server, cleanly when it runs, and removes its folder. */
  stop(): Promise<void>
}

export interface PostgresOptions {
  /** Further settings of the server, such as `max_connections`. */
  readonly settings?: Readonly<Record<string, string>>
}

interface User {
  readonly uid: number
  readonly gid: number
}

interface Running {
  readonly child: ChildProcess
  readonly pid: number
  readonly port: number
  readonly exit: Promise<string>
}

/** Starts a server. `POSTGRES_BIN` names the folder of its programs when they are elsewhere than usual. */
export async function startPostgres({ settings = {} }: PostgresOptions = {}): Promise<Postgres> {
  const home = await mkdtemp(join(tmpdir(), 'assistant-ledger-postgres-'))
  const server = new Server(join(home, 'data'), { ...SETTINGS, ...settings })
  let running: Running
  try {
    const user = await unprivileged()
    await mkdir(server.data)
    if (user) for (const folder of [home, server.data]) await chown(folder, user.uid, user.gid)
    await server.initialise(user)
    running = await server.startAnywhere(user)
  } catch (error) {
    await rm(home, { recursive: true, force: true })
    throw error
  }
  const { port } = running
  const urlOf = (database: string) => `postgres://ledger@127.0.0.1:${port}/${database}`
  return {
    url: urlOf('postgres'),
    port,
    get pid() {
      return running.pid
    },
    async createDatabase(name) {
      const client = new pg.Client({ connectionString: urlOf('postgres') })
      await client.connect()
      try {
        await client.query(`create database "${name}"`)
      } finally {
        await client.end()
      }
      return urlOf(name)
    },
    kill: () => kill(running),
    async freeze() {
      await signalAll(running, 'SIGSTOP')
    },
    async thaw() {
      await signalAll(running, 'SIGCONT')
    },
    async restart() {
      await end(running)
      running = await server.start(port, await unprivileged())
    },
    async stop() {
      await end(running)
      await server.removeSharedMemory()
      await rm(home, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

class Server {
  private readonly programs = programFolder()

  constructor(
    readonly data: string,
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  /** With a collation of people's languages: what needs the order of bytes has to ask for it. */
  async initialise(user: User | undefined): Promise<void> {
    const initdb = join(this.programs, 'initdb')
    const { stdout } = await run(initdb, ['--version'])
    const icu = Number(/(\d+)/.exec(stdout)?.[1]) >= 15 ? ['--locale-provider=icu', '--icu-locale=en'] : []
    const as = ['--username=ledger', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync']
    await run(initdb, ['--pgdata', this.data, ...as, ...icu], { cwd: this.data, ...user })
  }

  async startAnywhere(user: User | undefined): Promise<Running> {
    for (let tried = 1; ; tried++) {
      try {
        return await this.start(await freePort(), user)
      } catch (error) {
        if (tried === PORTS_TRIED || !/could not bind/.test((error as Error).message)) throw error
      }
    }
  }

  /** Resolves when the server says that it takes connections. */
  async start(port: number, user: User | undefined): Promise<Running> {
    const settings = Object.entries(this.settings).map(([name, value]) => `--${name}=${value}`)
    const postgres = [join(this.programs, 'postgres'), '-D', this.data, '-p', String(port), ...settings]
    // Tests that are killed end nothing: where the system can, it ends the server with them.
    const [program = '', ...args] = process.platform === 'linux' ? [...TIED, ...postgres] : postgres
    const child = spawn(program, args, {
      cwd: this.data,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
      ...user,
    })
    const said: string[] = []
    const exit = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message))
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
    })
    let deadline: NodeJS.Timeout | undefined
    const overdue = new Promise<string>((resolve) => {
      deadline = setTimeout(() => resolve('it was not ready in time'), START_DEADLINE_MS)
    })
    const ready = new Promise<undefined>((resolve) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        said.push(line)
        if (said.length > LINES_KEPT) said.shift()
        if (line.includes('is ready to accept connections')) resolve(undefined)
      })
    })
    const failed = await Promise.race([ready, exit, overdue])
    clearTimeout(deadline)
    if (failed === undefined && child.pid !== undefined) return { child, pid: child.pid, port, exit }
    child.kill('SIGKILL')
    throw new Error(`postgres did not start: ${failed}\n${said.join('\n')}`)
  }

  /** A killed server leaves a segment of System V behind, which its next start would have taken over. */
  async removeSharedMemory(): Promise<void> {
    const lock = await readFile(join(this.data, 'postmaster.pid'), 'utf8').catch(() => '')
    const id = /^\s*\d+\s+(\d+)\s*$/.exec(lock.split('\n')[6] ?? '')?.[1]
    if (id !== undefined) await run('ipcrm', ['-m', id])
  }
}

/** Ends a process by SIGINT, PostgreSQL's fast shutdown, when the one that started it has ended. */
const TIED = ['setpriv', '--pdeathsig', 'INT', '--']

function programFolder(): string {
  if (process.env.POSTGRES_BIN) return process.env.POSTGRES_BIN
  const installed = HOMES.filter((home) => existsSync(home)).flatMap((home) =>
    readdirSync(home).map((name) => join(home, name, 'bin')),
  )
  const newestFirst = installed.sort((one, other) => versionIn(other) - versionIn(one))
  const found = [...newestFirst, ...(process.env.PATH ?? '').split(delimiter)].find((folder) =>
    ['initdb', 'postgres'].every((program) => existsSync(join(folder, program))),
  )
  if (!found) throw new Error('PostgreSQL is not installed: run `npm run setup`')
  return found
}

const versionIn = (path: string): number => Number(/(\d+)\D*$/.exec(path)?.[1] ?? 0)

/** The server refuses to run as root: then it runs as `postgres`, or as `nobody`. */
async function unprivileged(): Promise<User | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const found = ['postgres', 'nobody'].map((name) => users.find((user) => user[0] === name)).find(Boolean)
  if (!found) throw new Error('there is neither a user `postgres` nor `nobody` to run PostgreSQL as')
  return { uid: Number(found[2]), gid: Number(found[3]) }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

const hasEnded = ({ child }: Running): boolean => child.exitCode !== null || child.signalCode !== null

async function end(running: Running): Promise<void> {
  if (hasEnded(running)) return
  await signalAll(running, 'SIGCONT')
  running.child.kill('SIGINT')
  const force = setTimeout(() => void kill(running), STOP_DEADLINE_MS)
  await running.exit
  clearTimeout(force)
}

async function kill(running: Running): Promise<void> {
  if (hasEnded(running)) return
  // Stopped first, so that it starts no process while the others are killed.
  const stopped = await signalAll(running, 'SIGSTOP')
  for (const pid of [...stopped, running.pid]) signal(pid, 'SIGKILL')
  await running.exit
  // Their shared memory is free when the last one is gone, and only then may the server start again.
  while ((await processes()).some(({ pid, ended }) => stopped.includes(pid) && !ended)) {}
}

/** Signals the main process and then, as far as it can have no new ones, its children; each a session of its own. */
async function signalAll({ pid }: Running, name: 'SIGSTOP' | 'SIGCONT'): Promise<number[]> {
  if (name === 'SIGSTOP') signal(pid, name)
  const children = (await processes()).filter(({ parent }) => parent === pid).map((child) => child.pid)
  for (const child of children) signal(child, name)
  if (name === 'SIGCONT') signal(pid, name)
  return children
}

async function processes(): Promise<{ pid: number; parent: number; ended: boolean }[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,stat='])
  const lines = stdout.split('\n').map((line) => line.trim().split(/\s+/))
  // One that has ended keeps its number until its parent has looked.
  return lines.map(([pid, parent, state = '']) => ({
    pid: Number(pid),
    parent: Number(parent),
    ended: state.startsWith('Z'),
  }))
}

/** The process may have ended by itself. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
