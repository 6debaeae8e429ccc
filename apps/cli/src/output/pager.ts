// The reader's pager, for what may be longer than the screen: $ASSISTANTS_PAGER, $PAGER, else less, which ends by
// itself when everything fits. One that cannot be run does not keep the answer: it is then shown without.
import { type ChildProcess, spawn } from 'node:child_process'
import { drained } from './drained.js'

type Environment = Readonly<Record<string, string | undefined>>

/** F: ends when it all fits, R: colours, X: leaves it on the screen. */
const LESS = 'FRX'
/** What a shell ends with when there is no such program, or it cannot be run. */
const CANNOT_RUN: ReadonlySet<number | null> = new Set([126, 127])
/** So many letters go into a pipe that nobody reads before it takes no more, with room to spare. */
const UNREAD = 1 << 20

/** @returns undefined where no pager is wanted */
export function pagerCommand(environment: Environment): string | undefined {
  const command = environment.ASSISTANTS_PAGER ?? environment.PAGER ?? 'less'
  return command.trim() === '' || command.trim() === 'cat' ? undefined : command
}

export class Pager {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  /** Whether it reads no more. */
  #left = false
  #cannotRun = false
  /** What was given to it, for as long as it may have read nothing; undefined: it reads. */
  #given: string[] | undefined = []
  #length = 0

  /**
   * @param fallback where it goes when the pager cannot be run
   * @param closed what to throw when the reader has gone
   */
  constructor(
    command: string,
    environment: NodeJS.ProcessEnv,
    private readonly fallback: NodeJS.WritableStream,
    private readonly closed: () => Error,
  ) {
    this.#child = spawn(command, {
      shell: true,
      stdio: ['pipe', 'inherit', 'inherit'],
      env: { ...environment, LESS: environment.LESS ?? LESS, LV: environment.LV ?? '-c' },
    })
    // The reader left before the end: nothing is wrong.
    this.#child.stdin?.on('error', () => {
      this.#left = true
    })
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', () => this.#end(true, resolve))
      this.#child.once('close', (code) => this.#end(CANNOT_RUN.has(code), resolve))
    })
  }

  /**
   * Gives it the text; resolves when it may be given more.
   * @returns false when it cannot be run, and the fallback has what it was given before
   */
  async took(text: string): Promise<boolean> {
    const { stdin } = this.#child
    if (this.#left || !stdin || stdin.destroyed) {
      await this.#ended
      if (this.#cannotRun) return false
      throw this.closed()
    }
    if (this.#length > UNREAD) this.#given = undefined
    this.#given?.push(text)
    this.#length += text.length
    if (!stdin.write(text)) await drained(stdin)
    return true
  }

  async close(): Promise<void> {
    this.#child.stdin?.end()
    await this.#ended
  }

  #end(cannotRun: boolean, resolve: () => void): void {
    this.#left = true
    this.#cannotRun ||= cannotRun
    if (cannotRun) for (const text of this.#given ?? []) this.fallback.write(text)
    this.#given = undefined
    resolve()
  }
}
