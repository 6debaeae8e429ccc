// What the process says: one line a fact. As text, on standard output what went as it should and on standard error the
// rest; as JSON (LOG_FORMAT=json), everything on standard output, with level, time and what the line concerns as fields.
import type { LoggerService } from '@nestjs/common'
import { type Logger, pino } from 'pino'

export const LOG_FORMATS = ['text', 'json'] as const
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

export interface LineSettings {
  readonly format: (typeof LOG_FORMATS)[number]
  /** The least that is said. */
  readonly level: (typeof LOG_LEVELS)[number]
}

/** What a line concerns: `correlation_id` is the `$correlationId` of the events of the same request. */
export interface Concerning {
  readonly correlation_id?: string
  readonly [field: string]: unknown
}

type Level = 'debug' | 'info' | 'warn' | 'error'

let logger: Logger | undefined
let least = rank('info')

/** Says everything from here on as it is told. */
export function setLines({ format, level }: LineSettings, project?: string): void {
  least = rank(level)
  logger =
    format === 'json'
      ? pino(
          {
            level,
            base: { part: 'registry', ...(project === undefined ? {} : { project }) },
            timestamp: pino.stdTimeFunctions.isoTime,
            formatters: { level: (label) => ({ level: label }) },
          },
          // At once: the line before an exit is the one that matters.
          pino.destination({ fd: 1, sync: true }),
        )
      : undefined
}

/** What is only wanted when somebody looks for something. */
export const debug = (line: string, of?: Concerning): void => write('debug', line, of)
export const say = (line: string, of?: Concerning): void => write('info', line, of)
export const warn = (line: string, of?: Concerning): void => write('warn', line, of)
/** What ends the process, or what it cannot do although it should. */
export const fault = (line: string, of?: Concerning): void => write('error', line, of)

function write(level: Level, line: string, of?: Concerning): void {
  if (rank(level) < least) return
  if (logger) {
    logger[level](of ?? {}, line)
    return
  }
  const id = of?.correlation_id
  const about = id === undefined ? line : `${line} [${id}]`
  if (level === 'debug' || level === 'info') process.stdout.write(`registry ${about}\n`)
  else process.stderr.write(`registry: ${about}\n`)
}

function rank(level: LineSettings['level']): number {
  return LOG_LEVELS.indexOf(level)
}

/** Nest's own messages, less its start-up chatter. */
export const NEST_LINES: LoggerService = {
  log: () => {},
  warn: (message: unknown, ...more: unknown[]) => warn(String(message), concerningIn(more)),
  error: (message: unknown, ...more: unknown[]) => fault(String(message), concerningIn(more)),
  fatal: (message: unknown, ...more: unknown[]) => fault(String(message), concerningIn(more)),
}

/** Nest hands on what it was given after the message, and its own context as a text. */
const concerningIn = (more: readonly unknown[]): Concerning | undefined =>
  more.find((one): one is Concerning => typeof one === 'object' && one !== null)
