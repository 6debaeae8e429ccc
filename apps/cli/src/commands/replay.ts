// The read side made again from the log: the read model beside the live one, which it then replaces; the feed repaired.
import { join } from 'node:path'
import type { LogSource } from '@assistant-ledger/event-log'
import { type Command, Option } from 'commander'
import type { Context } from '../context.js'
import { usage } from '../failure.js'
import { type LogOptions, logOptions, sourceOf } from '../log-place.js'
import { progress } from '../output/progress.js'
import { linesFrom } from '../service/lines.js'

const EXAMPLES = `
Examples:
  $ assistants replay --to read-model --dry-run
  $ assistants replay --to read-model
  $ assistants replay --to read-model --offline --data-dir data
  $ assistants replay --to read-model --offline --eventstore-url esdb://db:2113 --database-url postgres://db/ledger
  $ assistants replay --to feed --dry-run
  $ assistants replay --to feed --recreate

The running service does it: it builds a second read model beside the one that serves, and puts it in its place when it
has all of the log. Ctrl-C leaves the one that serves as it is; run again, it goes on where it was. --offline does the same
to the files of an installation that does not run, or from an EventStoreDB into PostgreSQL, where it may run.

The feed is compared with the log and repaired by whoever publishes it: the config bucket key by key, the event stream by
what is missing at its end. A stream that differs before its end is right again only with --recreate: its sequences start
anew, and consumers of it are gone and have to be made again.`

interface Options extends LogOptions {
  readonly to: 'read-model' | 'feed'
  readonly recreate?: boolean
  readonly dryRun?: boolean
  readonly offline?: boolean
  readonly databaseUrl?: string
}

/** What is told of a replay, by the service and offline alike. */
export type ReplayLine =
  | { readonly step: 'plan'; readonly live: string; readonly head: string; readonly begun: string }
  | { readonly step: 'rebuilding'; readonly position: string; readonly head: string; readonly events: number }
  | { readonly step: 'switched'; readonly position: string }

export function register(command: Command, context: Context): void {
  logOptions(command)
  command
    .addOption(
      new Option('--to <what>', 'what is made again')
        .choices(['read-model', 'feed'])
        .makeOptionMandatory(true),
    )
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--offline', 'from the log itself, without the service')
    .option('--recreate', 'with feed: make the event stream again')
    .option('--database-url <url>', "with --offline: the service's PostgreSQL (DATABASE_URL)")
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options) => {
      if (options.to === 'read-model') return replayReadModel(context, options)
      if (options.offline) throw usage('the feed is repaired by a service that runs: leave --offline out')
      const { replayFeed } = await import('../moving/feed.js')
      return replayFeed(context, options)
    })
}

async function replayReadModel(context: Context, options: Options): Promise<void> {
  const { output, signal } = context
  const dryRun = options.dryRun === true
  const lines = options.offline
    ? await offline(context, options, dryRun)
    : linesFrom<ReplayLine>(await context.service(), '/admin/replay/read-model', { dry_run: dryRun }, signal)
  const bar = await progress(output, 'replaying', { total: 1, unit: 'of the log' })
  try {
    for await (const line of lines) {
      if (line.step === 'rebuilding') bar.update(Number(line.position), Number(line.head))
      else {
        bar.stop()
        await tell(context, line, dryRun)
      }
    }
    signal.throwIfAborted()
  } finally {
    bar.stop()
    if (signal.aborted)
      output.note('broken off: the read model that serves is as it was; run it again to go on')
  }
}

async function tell({ output }: Context, line: ReplayLine, dryRun: boolean): Promise<void> {
  if (output.mode === 'json') return output.json(line)
  if (line.step === 'switched')
    return output.line(`the read model was made again and is live, at position ${line.position}`)
  if (line.step !== 'plan') return
  const { live, head, begun } = line
  const from = begun === '0' ? 'from the start' : `from position ${begun}, where it was broken off,`
  await output.line(
    `the read model is at position ${live}, the log ends at ${head}: ${dryRun ? 'it would be' : 'it is'} made again ${from} beside it`,
  )
}

async function offline(context: Context, options: Options, dryRun: boolean) {
  const { replayOffline } = await import('../moving/offline-replay.js')
  const log = await sourceOf(context, options)
  return replayOffline({ log, model: modelOf(log, options) }, dryRun, context.signal)
}

function modelOf(log: LogSource, { databaseUrl = process.env.DATABASE_URL }: Options) {
  if ('dataDir' in log) return { file: join(log.dataDir, 'read-model.db') }
  if (databaseUrl) return { url: databaseUrl }
  throw usage('say where the read model is: --database-url <url>')
}
