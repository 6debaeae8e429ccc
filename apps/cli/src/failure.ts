// How a command ends: the exit codes, and the failure that is told in one line.
import { isAbsolute } from 'node:path'

/** The exit codes, as `assistants --help` and docs/cli.md list them. */
export const EXIT = {
  ok: 0,
  /** The service refused, could not be reached, or something failed here. */
  failed: 1,
  /** The command line cannot be meant. Nothing was done. */
  usage: 2,
  /** What was asked for is done or known, and there is a difference: not converged, a plan with changes. */
  differs: 3,
  /** Somebody changed it meanwhile, and it was left as it is. */
  changed: 4,
  /** Ctrl-C. */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Ends the command with one line: what happened, where, and what to do. */
export class Failure extends Error {
  override readonly name = 'Failure'

  /**
   * @param code the refusal code of the service, where it gave one
   * @param status the HTTP status, where it was the service that refused
   */
  constructor(
    message: string,
    readonly exit: ExitCode = EXIT.failed,
    readonly code?: string,
    readonly status?: number,
  ) {
    super(message)
  }
}

/** A command line that cannot be meant. */
export const usage = (message: string): Failure => new Failure(message, EXIT.usage)

/** Why a file or folder cannot be read, as a person would say it. @param path as it was given */
export function unreadable(path: string, error: unknown): Failure {
  const { code, path: at = path, message } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return usage(`there is no file or folder ${at}${isAbsolute(at) ? '' : ` in ${process.cwd()}`}`)
    case 'EISDIR':
      return usage(`${path} is a folder, where a file is wanted`)
    case 'ELOOP':
      return usage(`${at} is a link that leads back to itself; name the file that is meant`)
    case 'ENAMETOOLONG':
      return usage(`${at.slice(0, 60)}… is longer than the name of a file may be`)
    case 'EACCES':
    case 'EPERM':
      return new Failure(`you may not read ${at}; run it as a user who may`)
    default:
      return new Failure(`${at} cannot be read: ${oneLine(message)}`)
  }
}

/** Text that may have several lines, in one. */
export const oneLine = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, ' ')

/** The sentence without its full stop, so that another part can follow. */
export const clause = (sentence: string): string => oneLine(sentence).replace(/\.$/, '')

/** What the operating system, or SQLite for it, refuses: a folder that is not there, a full disk. */
export function failureOfSystem(error: unknown): Failure | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, syscall } = error as NodeJS.ErrnoException
  if (error.name === 'SqliteError') return new Failure(`SQLite: ${clause(error.message)}${adviceOn(code)}`)
  return syscall === undefined ? undefined : new Failure(`${clause(error.message)}${adviceOn(code)}`)
}

function adviceOn(code: string | undefined): string {
  if (code === 'ENOSPC' || code === 'SQLITE_FULL') return '; make room there, or name another place'
  if (code === 'EACCES' || code === 'EPERM' || code?.startsWith('SQLITE_READONLY'))
    return '; run it as a user who may'
  return ''
}
