// The reader's pager, for what may be longer than the screen: $ASSISTANTS_PAGER, $PAGER, else less, which ends by
// itself when everything fits.
import { type ChildProcess, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'

type Environment = Readonly<Record<string, string | undefined>>

/** F: ends when it all fits, R: colours, X: leaves it on the screen. */
const LESS = 'FRX'

/** @returns undefined where no pager is wanted */
export function pagerCommand(environment: Environment): string | undefined {
  const command = environment.ASSISTANTS_PAGER ?? environment.PAGER ?? 'less'
  return command.trim() === '' || command.trim() === 'cat' ? undefined : command
}

export class Pager {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #left = false

  /** @param fallback where it goes when the pager cannot be started */
  constructor(command: string, environment: NodeJS.ProcessEnv, fallback: NodeJS.WritableStream) {
    this.#child = spawn(command, {
      shell: true,
      stdio: ['pipe', 'inherit', 'inherit'],
      env: { ...environment, LESS: environment.LESS ?? LESS, LV: environment.LV ?? '-c' },
    })
    // The reader left before the end: nothing is wrong.
    this.input.on('error', () => {
      this.#left = true
    })
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', () => {
        this.#left = true
        fallback.write('')
        resolve()
      })
      this.#child.once('close', () => {
        this.#left = true
        resolve()
      })
    })
  }

  get input(): Writable {
    return this.#child.stdin as Writable
  }

  /** Whether it reads no more. */
  get left(): boolean {
    return this.#left
  }

  async close(): Promise<void> {
    this.input.end()
    await this.#ended
  }
}
