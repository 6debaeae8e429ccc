// One part of the stack as a process of its own: started, watched for the lines that it prints, and ended.
// What it says is kept for the moment it ends unasked: that is the one time a person wants to read it.
import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createInterface } from 'node:readline'

/** A part that has not said that it is ready by then fails the start. */
export const READY_DEADLINE_MS = 30_000

const LINES_KEPT = 40

/** Most of what a request makes is gone with its answer: a larger young generation collects a sixth more of them a second. */
export const NODE_FLAGS = ['--enable-source-maps', '--max-semi-space-size=64']

export interface Child {
  readonly name: string
  readonly pid: number
  /** Emits `line` for each line on standard output, and `exit` once, with what ended the process. */
  readonly events: EventEmitter<{ line: [string]; exit: [string] }>
  /** What it said last, on both outputs. */
  said(): string
  /** Asks it to end, kills it at the deadline, and resolves when it has ended. */
  stop(deadlineMs: number): Promise<void>
}

/** Starts a Node program in a process group of its own, so that a Ctrl-C of the terminal reaches only us. */
export function startChild(name: string, program: string, env: Record<string, string>): Child {
  const child = spawn(process.execPath, [...NODE_FLAGS, program], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const events: Child['events'] = new EventEmitter()
  const said: string[] = []
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      said.push(line)
      if (said.length > LINES_KEPT) said.shift()
      if (output === child.stdout) events.emit('line', line)
    })
  }
  child.once('exit', (code, signal) => events.emit('exit', signal ?? `exit code ${code}`))
  child.once('error', (error) => events.emit('exit', error.message))
  return {
    name,
    pid: child.pid ?? 0,
    events,
    said: () => said.join('\n'),
    stop: (deadlineMs) => stop(child, deadlineMs),
  }
}

/**
 * Resolves with the first line that `accept` takes.
 * @throws Error when the process ends first, or has not printed one at the deadline
 */
export async function untilLine(child: Child, accept: (line: string) => boolean): Promise<string> {
  const { promise, resolve, reject } = withResolvers<string>()
  const onLine = (line: string) => {
    if (accept(line)) resolve(line)
  }
  const onExit = (how: string) => reject(new Error(child.said() || `${child.name} ended (${how})`))
  const deadline = setTimeout(
    () => reject(new Error(`${child.name} was not ready within ${READY_DEADLINE_MS} ms\n${child.said()}`)),
    READY_DEADLINE_MS,
  )
  child.events.on('line', onLine)
  child.events.on('exit', onExit)
  try {
    return await promise
  } finally {
    clearTimeout(deadline)
    child.events.off('line', onLine)
    child.events.off('exit', onExit)
  }
}

async function stop(child: ChildProcess, deadlineMs: number): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), deadlineMs)
  await ended
  clearTimeout(force)
}

/** `Promise.withResolvers` came with Node 22. */
function withResolvers<T>() {
  let resolve!: (value: T) => void
  let reject!: (reason: Error) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
