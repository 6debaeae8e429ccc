// The stand-in for EventStoreDB that tests talk to with the real client: a process of its own that can be killed, frozen
// and started again on its data, and told what to do wrong. It is for tests only.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FromStandIn, ToStandIn } from './control.js'
import type { CallFault, FaultOptions, SuddenFault } from './faults.js'
import type { Slow } from './subscribe.js'

const PROGRAM = join(process.cwd(), 'test', 'support', 'event-store', 'main.ts')
const READY_DEADLINE_MS = 30_000

export interface StandInOptions {
  /** Where its file is. A temporary directory, removed by `stop()`, when absent. */
  readonly dir?: string
  /** A free one when absent. */
  readonly port?: number
  /** What a subscriber gets that is too slow for what is written; as 23.10 has it, `abort`, when absent. */
  readonly slow?: Slow
}

/** A fault that was set. */
export interface SetFault {
  /** Resolves when it has struck so many times, once unless told, since it was set. */
  struck(times?: number): Promise<void>
  takeBack(): Promise<void>
}

export interface StandIn {
  /** A connection string of one node, without TLS. */
  readonly url: string
  readonly port: number
  readonly dir: string
  /** Of the process that runs now. */
  readonly pid: number
  /** Makes calls go wrong: so many `times`, or until it is taken back or the process restarts. */
  fault(fault: CallFault, options?: FaultOptions): Promise<SetFault>
  /** Strikes at once what is open. */
  fault(fault: SuddenFault): Promise<void>
  /** SIGKILL: what was acknowledged stays. */
  kill(): Promise<void>
  /** SIGSTOP: connections stay, nothing answers. */
  freeze(): Promise<void>
  /** SIGCONT. */
  thaw(): Promise<void>
  /** Starts it again, killing it if it runs, on the same port and data, without faults. */
  restart(): Promise<void>
  /** Ends it and removes what is its own. */
  stop(): Promise<void>
}

export async function startStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'event-store-stand-in-')))
  const slow = options.slow ?? 'abort'
  let running = await Running.start(dir, options.port ?? 0, slow)
  const { port } = running

  const fault = (async (name: CallFault | SuddenFault, faultOptions: FaultOptions = {}) => {
    if (isSudden(name)) return running.tell({ type: 'sudden', fault: name })
    return running.set(name, faultOptions)
  }) as StandIn['fault']

  return {
    url: `esdb://127.0.0.1:${port}?tls=false`,
    port,
    dir,
    get pid() {
      return running.pid
    },
    fault,
    kill: () => running.kill(),
    freeze: () => running.freeze(),
    thaw: () => running.thaw(),
    async restart() {
      await running.kill()
      running = await Running.start(dir, port, slow)
    },
    async stop() {
      await running.kill()
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true })
    },
  }
}

function isSudden(fault: CallFault | SuddenFault): fault is SuddenFault {
  return fault.endsWith('-subscriptions') || fault === 'kill-sockets'
}

/** One run of the process. */
class Running {
  private readonly exit: Promise<unknown>
  private readonly strikes = new Map<CallFault, number>()
  private readonly waiting = new Set<() => void>()
  private freezer: ChildProcess | undefined
  private asked = 0

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {
    this.exit = once(child, 'exit')
    child.on('message', (message: FromStandIn) => {
      if (message.type === 'struck') this.strikes.set(message.fault, this.strikesOf(message.fault) + 1)
      for (const look of this.waiting) look()
    })
    child.on('exit', () => {
      for (const look of this.waiting) look()
    })
  }

  static async start(dir: string, port: number, slow: Slow): Promise<Running> {
    const args = ['--import', 'tsx', PROGRAM, join(dir, 'events.log'), String(port), slow]
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { PATH: process.env.PATH },
    })
    let said = ''
    child.stderr?.on('data', (text) => {
      said += text
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), READY_DEADLINE_MS)
    const ready = once(child, 'message').then(([message]) => message as FromStandIn)
    const ended = once(child, 'close').then(() => undefined)
    const first = await Promise.race([ready, ended])
    clearTimeout(timer)
    if (first?.type !== 'ready') throw new Error(`the stand-in did not start\n${said}`)
    return new Running(child, first.port)
  }

  get pid(): number {
    return this.child.pid as number
  }

  async tell(message: DistributiveOmit<ToStandIn, 'id'>): Promise<void> {
    this.asked += 1
    const id = this.asked
    const done = new Promise<void>((resolve, reject) => {
      const ended = () => reject(new Error('the stand-in is not running'))
      const hear = (answer: FromStandIn) => {
        if (answer.type !== 'done' || answer.id !== id) return
        this.child.off('message', hear)
        this.child.off('exit', ended)
        resolve()
      }
      this.child.on('message', hear)
      this.child.once('exit', ended)
    })
    this.child.send({ ...message, id })
    await done
  }

  async set(fault: CallFault, options: FaultOptions): Promise<SetFault> {
    const before = this.strikesOf(fault)
    await this.tell({ type: 'set', fault, options })
    return {
      struck: (times = 1) => this.until(() => this.strikesOf(fault) >= before + times),
      takeBack: () => this.tell({ type: 'take-back', fault }),
    }
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exit
    this.freezer?.stdin?.end()
  }

  /**
   * A frozen process does not see its parent end. So it is frozen by a shell that thaws it when its input ends, and
   * that ends with us, however we end.
   */
  async freeze(): Promise<void> {
    if (this.freezer) return
    const script = `kill -STOP ${this.child.pid}; echo; read line; kill -CONT ${this.child.pid} 2>/dev/null`
    this.freezer = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'ignore'] })
    await once(this.freezer.stdout as NodeJS.ReadableStream, 'data')
  }

  async thaw(): Promise<void> {
    if (!this.freezer) return
    const ended = once(this.freezer, 'exit')
    this.freezer.stdin?.end()
    this.freezer = undefined
    await ended
  }

  private strikesOf(fault: CallFault): number {
    return this.strikes.get(fault) ?? 0
  }

  private until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!condition() && this.child.exitCode === null && this.child.signalCode === null) return
        this.waiting.delete(look)
        if (condition()) resolve()
        else reject(new Error('the stand-in ended before the fault struck'))
      }
      this.waiting.add(look)
      look()
    })
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
