// A program of the image as a process of its own, with nothing in its environment but what it is given.
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { until } from '../faults/until.js'

const LINES_KEPT = 200

export interface Program {
  readonly pid: number
  /** What it said, on both outputs, newest last. */
  said(): string
  /** Waits for a line that has this in it. @throws Error with what it said, when the program ends before */
  untilSaid(part: string, deadlineMs: number): Promise<void>
  /** Asks it to end as `docker stop` does. @returns exit code, null when it had to be killed after that time */
  stop(graceMs: number): Promise<number | null>
  kill(): Promise<void>
}

export interface ProgramOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Who it runs as, where this process may choose. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
}

export function startProgram(command: readonly string[], { cwd, env, user }: ProgramOptions): Program {
  const [program = '', ...args] = command
  const child = spawn(program, args, {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  })
  const said: string[] = []
  for (const output of [child.stdout, child.stderr])
    createInterface({ input: output }).on('line', (line) => {
      said.push(line)
      if (said.length > LINES_KEPT) said.shift()
    })
  const exit = new Promise<number | null>((resolve) => {
    child.once('error', (error) => said.push(error.message))
    child.once('close', (code) => resolve(code))
  })
  return {
    pid: child.pid as number,
    said: () => said.join('\n'),
    async untilSaid(part, deadlineMs) {
      const { answer } = await until(
        `${part} from ${command.join(' ')}`,
        deadlineMs,
        () => ({ found: said.some((line) => line.includes(part)), ended: hasEnded(child), said }),
        ({ found, ended }) => found || ended,
      )
      if (!answer.found) throw new Error(`${command.join(' ')} ended\n${said.join('\n')}`)
    },
    async stop(graceMs) {
      child.kill('SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), graceMs)
      const code = await exit
      clearTimeout(force)
      return code
    },
    async kill() {
      child.kill('SIGKILL')
      await exit
    },
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null
