// What every command is given: where to write, whom to ask, when to stop.
import type { ExitCode } from './failure.js'
import type { Output } from './output/output.js'
import type { Service } from './service/service.js'
import type { GlobalOptions, Settings } from './settings.js'

export interface Context {
  /** The options that every command has, as they were given. */
  readonly options: GlobalOptions
  readonly output: Output
  /** Aborted by the first Ctrl-C. The second one ends the process, whatever is under way. */
  readonly signal: AbortSignal
  /** Options, environment and profile together, read once. @throws Failure when they cannot be read */
  settings(): Promise<Settings>
  /** The service over HTTP, as the caller. Nothing is sent before the first request. */
  service(): Promise<Service>
  /** Ends with that code, once the command is done. */
  exit(code: ExitCode): void
}
