// The three reference runners, and what they say of themselves: which reference of which assistant each one
// holds, what it refused, and when we heard so, by one clock, the one that also timed the command.
import { type Child, startChild, untilLine } from './child.js'

/** What a runner has not said by then it will not say: the scene ends with that. */
export const HEAR_DEADLINE_MS = 10_000

export interface RunnerPlan {
  readonly name: string
  readonly env: Record<string, string>
}

/** One line of a runner's standard output. */
interface Said {
  readonly event: string
  readonly assistant_id?: string
  readonly ref?: string
  readonly reason?: string
}

interface Heard extends Said {
  readonly atMs: number
}

export class Runner {
  readonly #held = new Map<string, { version: number; atMs: number }>()
  readonly #heard: Heard[] = []
  readonly #listeners = new Set<() => void>()

  private constructor(
    readonly name: string,
    readonly child: Child,
  ) {
    child.events.on('line', (line) => this.#hear(line))
  }

  /** Starts one; `live()` waits for it. */
  static start(plan: RunnerPlan, program: string, env: Record<string, string>): Runner {
    const child = startChild(plan.name, program, { ...env, ...plan.env, RUNNER_NAME: plan.name })
    return new Runner(plan.name, child)
  }

  /** Resolves when the runner follows the log as it is now. */
  live(): Promise<string> {
    return untilLine(this.child, (line) => parse(line)?.event === 'live')
  }

  /** The version it serves now, 0 when it holds none. */
  version(assistantId: string): number {
    return this.#held.get(assistantId)?.version ?? 0
  }

  /** Resolves with the moment at which we heard that it serves that version. */
  swapped(assistantId: string, version: number): Promise<number> {
    return this.#until(`${this.name} to serve version ${version}`, () => {
      const held = this.#held.get(assistantId)
      return held?.version === version ? held.atMs : undefined
    })
  }

  /** Resolves with the reason for which it refused something of that assistant after `sinceMs`. */
  refused(assistantId: string, sinceMs: number): Promise<string> {
    return this.#until(`${this.name} to refuse a version`, () => {
      const said = this.#heard.find(
        ({ event, assistant_id, atMs }) =>
          event === 'rejected' && assistant_id === assistantId && atMs >= sinceMs,
      )
      return said && (said.reason ?? 'no reason given')
    })
  }

  #hear(line: string): void {
    const said = parse(line)
    if (said === undefined) return
    const heard = { ...said, atMs: performance.now() }
    this.#heard.push(heard)
    if (this.#heard.length > 1_000) this.#heard.shift()
    if (said.event === 'reload' && said.assistant_id) {
      const version = Number(/@\d+\.(\d+)#/.exec(said.ref ?? '')?.[1] ?? 0)
      this.#held.set(said.assistant_id, { version, atMs: heard.atMs })
    }
    for (const listener of this.#listeners) listener()
  }

  async #until<T>(what: string, look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = look()
        if (found === undefined) return
        this.#listeners.delete(check)
        clearTimeout(deadline)
        resolve(found)
      }
      const deadline = setTimeout(() => {
        this.#listeners.delete(check)
        reject(new Error(`waited ${HEAR_DEADLINE_MS} ms for ${what}\n${this.child.said()}`))
      }, HEAR_DEADLINE_MS)
      this.#listeners.add(check)
      check()
    })
  }
}

function parse(line: string): Said | undefined {
  try {
    const said: unknown = JSON.parse(line)
    return said !== null && typeof said === 'object' && 'event' in said ? (said as Said) : undefined
  } catch {
    return undefined
  }
}
