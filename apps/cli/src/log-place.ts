// The log itself, for the commands that read it: from options, or from where settings say that it is.
import type { LogForReading, LogSource } from '@assistant-ledger/event-log'
import { type Command, Option } from 'commander'
import type { Context } from './context.js'
import { Failure, usage } from './failure.js'
import { keepMemorySmall } from './memory.js'

export interface LogOptions {
  readonly dataDir?: string
  readonly eventstoreUrl?: string
  readonly project?: string
}

/** The options that say where the log is. */
export function logOptions(command: Command): void {
  command
    .addOption(
      new Option('--data-dir <folder>', "the service's DATA_DIR, with the embedded log").conflicts(
        'eventstoreUrl',
      ),
    )
    .option('--eventstore-url <url>', 'the EventStoreDB that has the log')
    .option('--project <project>', 'whose log it is, where there are several')
}

/** Opens the log for reading; the caller closes it. @throws Failure in one line */
export async function openLog(context: Context, options: LogOptions): Promise<LogForReading> {
  const { NoLog, openLogForReading } = await import('@assistant-ledger/event-log')
  keepMemorySmall()
  try {
    return await openLogForReading(await sourceOf(context, options))
  } catch (error) {
    if (error instanceof NoLog) throw new Failure(error.message)
    throw error
  }
}

/** Where the log is. @throws Failure when nothing says so */
export async function sourceOf(context: Context, options: LogOptions): Promise<LogSource> {
  const { log } = await context.settings()
  const given = options.dataDir !== undefined || options.eventstoreUrl !== undefined
  const { dataDir, eventstoreUrl } = given ? options : log
  if (eventstoreUrl !== undefined) return { eventstoreUrl, project: options.project ?? log.project }
  if (dataDir === undefined)
    throw usage('say where the log is: --data-dir <folder> for the embedded one, or --eventstore-url <url>')
  return { dataDir, ...(options.project === undefined ? {} : { project: options.project }) }
}
