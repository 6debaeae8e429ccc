// The real registry process that the tests talk to: built, started as `npm start` starts it, stopped or killed.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { NODE_FLAGS } from '../../apps/local/src/child.js'

/** A registry that is not ready by then fails the test, with what it said. */
export const READY_DEADLINE_MS = 60_000
/** A registry that does not end on SIGTERM by then is killed, and the stop fails. */
export const STOP_DEADLINE_MS = 15_000

const PROGRAM = join(process.cwd(), 'apps', 'registry', 'dist', 'main.js')
const LINES_KEPT = 200

export interface RegistryOptions {
  readonly natsUrl: string
  /** A temporary directory, removed by `stop()`, when absent. */
  readonly dataDir?: string
  readonly env?: Readonly<Record<string, string>>
}

export interface RegistryProcess {
  readonly pid: number
  readonly dataDir: string
  /** What it said, on both outputs, newest last. */
  said(): string
  /** Ends it with SIGTERM; resolves with its exit code. */
  stop(): Promise<number | null>
  /** Ends it by a signal, SIGKILL unless told. The data stay. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Resolves with the exit code (null: ended by a signal) when it ends, whoever ended it. */
  exited(): Promise<number | null>
}

/**
 * Starts a registry and waits until all its roles are up.
 * @throws Error with what it said, when it ends before
 */
export async function startRegistry(options: RegistryOptions): Promise<RegistryProcess> {
  const registry = await launchRegistry(options)
  const ended = registry.exited().then((code) => {
    throw new Error(`the registry ended with ${code} before it was ready\n${registry.said()}`)
  })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not ready in time\n${registry.said()}`)), READY_DEADLINE_MS)
  })
  try {
    await Promise.race([registry.ready, ended, late])
  } catch (error) {
    await registry.kill()
    throw error
  } finally {
    clearTimeout(timer)
    ended.catch(() => undefined)
  }
  return registry
}

/** Starts a registry without waiting for it; `ready` resolves with the line that says so. */
export async function launchRegistry(
  options: RegistryOptions,
): Promise<RegistryProcess & { readonly ready: Promise<string> }> {
  const own = options.dataDir === undefined
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'assistant-ledger-registry-')))
  const child = spawn(process.execPath, [...NODE_FLAGS, PROGRAM], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, NATS_URL: options.natsUrl, DATA_DIR: dataDir, ...options.env },
  })
  const said: string[] = []
  const ready = new Promise<string>((resolve) => {
    for (const output of [child.stdout, child.stderr])
      createInterface({ input: output }).on('line', (line) => {
        said.push(line)
        if (said.length > LINES_KEPT) said.shift()
        if (line.startsWith('registry ready')) resolve(line)
      })
  })
  const exit = new Promise<number | null>((resolve) => {
    // `close` comes after the last line was read.
    child.once('close', (code) => resolve(code))
  })
  return {
    pid: child.pid as number,
    dataDir,
    ready,
    said: () => said.join('\n'),
    async stop() {
      const code = await end(child, exit)
      if (own) await rm(dataDir, { recursive: true, force: true })
      return code
    },
    async kill(signal = 'SIGKILL') {
      child.kill(signal)
      await exit
    },
    exited: () => exit,
  }
}

async function end(child: ChildProcess, exit: Promise<number | null>): Promise<number | null> {
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS)
  const code = await exit
  clearTimeout(force)
  return code
}
