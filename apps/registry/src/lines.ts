// What the process says: one line a fact, on standard output what went as it should, on standard error the rest.
import type { LoggerService } from '@nestjs/common'

export const say = (line: string): void => {
  process.stdout.write(`registry ${line}\n`)
}

export const warn = (line: string): void => {
  process.stderr.write(`registry: ${line}\n`)
}

/** Nest's own messages, less its start-up chatter. */
export const NEST_LINES: LoggerService = {
  log: () => {},
  warn: (message: unknown) => warn(String(message)),
  error: (message: unknown) => warn(String(message)),
  fatal: (message: unknown) => warn(String(message)),
}
