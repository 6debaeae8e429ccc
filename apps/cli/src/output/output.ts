// Where a command writes: aligned and coloured on a terminal, plain when piped, one JSON object a line with --json.
// Results go to the standard output, everything said about them to the other.
import type { ChalkInstance } from 'chalk'
import { Chalk } from 'chalk'
import { clause, Failure } from '../failure.js'
import { colourLevel } from './colours.js'
import { drained } from './drained.js'
import { Pager, pagerCommand } from './pager.js'
import { type Column, type Layout, layOut, tabbed } from './table.js'
import { visible } from './visible.js'
import { wrapped } from './wrapped.js'

/** Thrown into a command whose reader has gone (a closed pipe, a pager that was left): it ends quietly. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed'
}

export interface OutputOptions {
  readonly json: boolean
  /** False with --no-color. */
  readonly color: boolean
  readonly pager: boolean
}

export type Mode = 'terminal' | 'plain' | 'json'

/** What a line may be at most on a terminal that does not say how wide it is. */
const WIDTH = 80

export class Output {
  readonly mode: Mode
  /** Colours of the standard output. */
  readonly colours: ChalkInstance
  /** Colours of the standard error. */
  readonly noteColours: ChalkInstance
  #pager?: Pager
  #closed = false
  /** Why what was written is not where it goes to: a full disk. */
  #failed: NodeJS.ErrnoException | undefined
  readonly #mayPage: boolean

  constructor(
    options: OutputOptions,
    private readonly stdout: NodeJS.WriteStream = process.stdout,
    private readonly stderr: NodeJS.WriteStream = process.stderr,
    private readonly environment: NodeJS.ProcessEnv = process.env,
  ) {
    this.mode = options.json ? 'json' : stdout.isTTY ? 'terminal' : 'plain'
    const level = (stream: NodeJS.WriteStream) => colourLevel(options.color, environment, stream)
    this.colours = new Chalk({ level: this.mode === 'json' ? 0 : level(stdout) })
    this.noteColours = new Chalk({ level: level(stderr) })
    this.#mayPage = options.pager && this.mode === 'terminal'
    // Without a listener a closed pipe would end the process with a stack trace.
    stdout.on('error', (error: NodeJS.ErrnoException) => {
      this.#closed = true
      // Whoever reads may leave; a file that takes no more has not got all.
      if (error.code !== 'EPIPE') this.#failed ??= error
    })
    stderr.on('error', () => undefined)
  }

  /** Columns of the terminal; without end where nothing is shortened. */
  get width(): number {
    if (this.mode !== 'terminal') return Number.POSITIVE_INFINITY
    return this.stdout.columns || Number(this.environment.COLUMNS) || WIDTH
  }

  /** Whether a person is there to be asked. */
  get canAsk(): boolean {
    return Boolean(process.stdin.isTTY && this.stderr.isTTY)
  }

  /** Whether progress may be drawn. */
  get drawsProgress(): boolean {
    return Boolean(this.stderr.isTTY) && this.environment.TERM !== 'dumb'
  }

  /** From here on through the reader's pager, on a terminal. Not for what follows something. */
  page(): void {
    const command = pagerCommand(this.environment)
    if (this.#mayPage && command !== undefined && this.#pager === undefined)
      this.#pager = new Pager(command, this.environment, this.stdout, () => new OutputClosed())
  }

  /**
   * Writes text as it is; resolves when more may be written, so that whoever writes a lot keeps little.
   * @throws OutputClosed when nobody reads any more
   * @throws Failure when it cannot be written
   */
  async write(text: string): Promise<void> {
    this.#check()
    const shown = this.mode === 'terminal' ? visible(text) : text
    if (await this.#pager?.took(shown)) return
    if (this.#closed || this.stdout.destroyed) throw new OutputClosed()
    if (!this.stdout.write(shown)) await drained(this.stdout)
  }

  line(text = ''): Promise<void> {
    return this.write(`${text}\n`)
  }

  /** A sentence: on a terminal in lines of its width, those after the first set in by so much. */
  async sentence(text: string, inset = 2): Promise<void> {
    const { width } = this
    if (!Number.isFinite(width)) return this.line(text)
    const { default: widthOf } = await import('string-width')
    const [first = '', ...rest] = wrapped(text, Math.max(width - inset, 1), widthOf)
    for (const [at, line] of [first, ...rest].entries())
      await this.line(at === 0 ? line : ' '.repeat(inset) + line)
  }

  /** One JSON object, on a line of its own. */
  json(value: unknown): Promise<void> {
    return this.line(JSON.stringify(value))
  }

  /** A list: aligned under its heads on a terminal, tab-separated without heads when piped, an object a line as JSON. */
  async table<Row>(
    columns: readonly Column<Row>[],
    rows: readonly Row[],
    {
      json = (row: Row): unknown => row,
      heads = true,
      layout,
    }: { readonly json?: (row: Row) => unknown; readonly heads?: boolean; readonly layout?: Layout } = {},
  ): Promise<void> {
    if (this.mode === 'json') for (const row of rows) await this.json(json(row))
    else if (this.mode === 'plain') for (const row of rows) await this.line(tabbed(columns, row))
    else if (rows.length > 0)
      await this.line(await layOut(columns, rows, this.width, this.colours, heads, layout))
  }

  /** A word about the results, to the standard error: nothing that a script reads. */
  note(text: string): void {
    this.stderr.write(`${visible(text)}\n`)
  }

  /** Ends what is still written; resolves when the pager was left. @throws Failure when not all could be written */
  async close(): Promise<void> {
    await this.#pager?.close()
    // What a file refuses is told in the next turn.
    await new Promise((resolve) => setImmediate(resolve))
    this.#check()
  }

  #check(): void {
    if (this.#failed)
      throw new Failure(`the standard output cannot be written: ${clause(this.#failed.message)}`)
  }
}
