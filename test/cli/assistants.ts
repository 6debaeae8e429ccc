// The built `assistants` command as a person runs it: piped, or in a terminal of a given width.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const PROGRAM = join(process.cwd(), 'apps', 'cli', 'bin', 'assistants.mjs')
/** A command that takes longer has failed. */
const DEADLINE_MS = 30_000

export interface Ran {
  readonly code: number | null
  /** Of a terminal: everything, as it came. */
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  /** The standard input; closed at once when absent. */
  readonly input?: string
}

export interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly columns?: number
  /** What is typed when the terminal has shown something, one after the other; maybe after something else is done. */
  readonly answers?: readonly (readonly [shown: RegExp, typed: string | (() => Promise<string>)])[]
}

export interface Command {
  /** A home of its own, where it runs: nobody's config file, and temporary files that can be looked at. */
  readonly home: string
  readonly env: Readonly<Record<string, string>>
  run(args: readonly string[], options?: RunOptions): Promise<Ran>
  /** A run with --json that ends with 0: what it printed. @throws Error with what it said */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  json(args: readonly string[], options?: RunOptions): Promise<any[]>
  start(
    args: readonly string[],
    options?: { readonly cwd: string; readonly env: Record<string, string> },
  ): ChildProcess
  terminal(args: readonly string[], options?: TerminalOptions): Promise<Ran>
  /** A line of a shell in which the command is `assistants`; on a terminal where there are answers. */
  line(text: string, cwd: string, options?: TerminalOptions): Promise<Ran>
  remove(): Promise<void>
}

export async function commandFor(url: string): Promise<Command> {
  const home = await mkdtemp(join(tmpdir(), 'assistants-command-'))
  const bin = join(home, 'bin')
  await mkdir(bin)
  await symlink(PROGRAM, join(bin, 'assistants'))
  const env = {
    PATH: `${bin}:${process.env.PATH}`,
    HOME: home,
    TMPDIR: home,
    ASSISTANTS_URL: url,
    ASSISTANTS_ACTOR: 'ada',
    TZ: 'UTC',
  }
  const run = (args: readonly string[], { env: more = {}, input }: RunOptions = {}) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], { cwd: home, env: { ...env, ...more } })
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    return ended(child, args)
  }
  const inTerminal = (line: string, cwd: string, options: TerminalOptions = {}) => {
    const { env: more = {}, columns = 100, answers = [] } = options
    const child = spawn('script', ['-qec', `stty cols ${columns} rows 40; ${line}`, '/dev/null'], {
      cwd,
      env: { ...env, TERM: 'xterm-256color', SHELL: '/bin/sh', PAGER: 'cat', ...more },
    })
    answer(child, answers)
    return ended(child, [line])
  }
  return {
    home,
    env,
    run,
    async json(args, options) {
      const { code, stdout, stderr } = await run([...args, '--json'], options)
      if (code !== 0) throw new Error(`assistants ${args.join(' ')} ended with ${code}: ${stderr}`)
      return linesOf(stdout).map((line) => JSON.parse(line))
    },
    start: (args, options) =>
      spawn(process.execPath, [PROGRAM, ...args], {
        cwd: options?.cwd ?? home,
        env: { ...env, ...options?.env },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    terminal: (args, options) =>
      inTerminal(
        `exec ${[process.execPath, PROGRAM, ...args].map(quoted).join(' ')}`,
        process.cwd(),
        options,
      ),
    line(text, cwd, options = {}) {
      if (options.answers !== undefined) return inTerminal(text, cwd, options)
      const child = spawn('bash', ['-c', text], { cwd, env: { ...env, ...options.env } })
      child.stdin.end()
      return ended(child, [text])
    },
    remove: () => rm(home, { recursive: true, force: true }),
  }
}

/** A pseudo terminal comes from util-linux's `script`; the one of other systems takes other arguments. */
export const hasTerminal = /util-linux/.test(
  spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '',
)

export const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '')

/** Rows of tab-separated output. */
export const rowsOf = (text: string): string[][] => linesOf(text).map((line) => line.split('\t'))

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes of a terminal
const ESCAPES = /\u001b\[[0-9;?]*[A-Za-z]/g

export const withoutEscapes = (text: string): string => text.replaceAll(ESCAPES, '').replaceAll('\r', '')

/** Whether it has colours, or bold and the like. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes of a terminal
export const isColoured = (text: string): boolean => /\u001b\[[0-9;]*m/.test(text)

function answer(child: ChildProcess, answers: NonNullable<TerminalOptions['answers']>): void {
  let shown = ''
  let next = 0
  child.stdin?.on('error', () => undefined)
  child.stdout?.on('data', (part: Buffer) => {
    shown += part.toString('utf8')
    for (let at = answers[next]; at?.[0].test(withoutEscapes(shown)); at = answers[next]) {
      const [, typed] = at
      if (typeof typed === 'string') child.stdin?.write(typed)
      else typed().then((text) => child.stdin?.write(text))
      shown = ''
      next += 1
    }
  })
}

function ended(child: ChildProcess, args: readonly string[]): Promise<Ran> {
  const said = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
  child.stdout?.on('data', (part: Buffer) => said.stdout.push(part))
  child.stderr?.on('data', (part: Buffer) => said.stderr.push(part))
  const text = (parts: readonly Buffer[]) => Buffer.concat(parts).toString('utf8')
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`assistants ${args.join(' ')} did not end: ${text(said.stdout)}${text(said.stderr)}`))
    }, DEADLINE_MS)
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout: text(said.stdout), stderr: text(said.stderr) })
    })
  })
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
