// The log, or a part of it, as a file of events with checksums.
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Altered, ExportStanding } from '@assistant-ledger/audit'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { EXIT, Failure, usage } from '../failure.js'
import { type LogOptions, logOptions, openLog } from '../log-place.js'
import { counted } from '../output/counted.js'
import { OutputClosed } from '../output/output.js'
import { progress } from '../output/progress.js'
import { assistantId, isAssistantId } from '../service/naming.js'

const EXAMPLES = `
Examples:
  $ assistants export ledger.ndjson.gz
  $ assistants export ledger.ndjson.gz --continue
  $ assistants export blog.ndjson --assistant "blog writer"
  $ assistants export new.ndjson --since 20
  $ assistants export --graph writer > writer.ndjson
  $ assistants export ledger.ndjson.gz --data-dir /var/lib/ledger
  $ assistants export ledger.ndjson.gz --eventstore-url "esdb://127.0.0.1:2113?tls=false"

Without --data-dir it is the log of the stack that "npm start" runs here, or the one that settings name. Each line is a
CloudEvent in JSON; "import" takes the file again. A name that ends with .gz is compressed. What was broken off stays as
<file>.part, and --continue goes on with it. The log is read while the service runs, too. What was altered in the log is
exported as it is and named, with exit code 3.`

interface Options extends LogOptions {
  readonly assistant?: readonly string[]
  readonly graph?: readonly string[]
  readonly since?: string
  readonly until?: string
  readonly continue?: boolean
}

export function register(command: Command, context: Context): void {
  command
    .argument('[file]', 'where to; to the standard output when absent')
    .option('-a, --assistant <assistant...>', 'only these, by id or name, and who ran them')
    .option('-g, --graph <graph...>', 'only assistants that ever had a version of these graphs')
    .option('--since <position>', 'only what is after this position of the log')
    .option('--until <position>', 'only up to this position')
    .option('--continue', 'go on with what was broken off')
    .addHelpText('after', EXAMPLES)
    .action((file: string | undefined, options: Options) => run(context, file, options))
  logOptions(command)
}

async function run(context: Context, file: string | undefined, options: Options): Promise<void> {
  if (file === undefined && options.continue) throw usage('--continue goes with the name of a file')
  const selection = {
    ...(options.assistant ? { assistants: await idsOf(context, options.assistant) } : {}),
    ...(options.graph ? { graphs: options.graph } : {}),
    ...(options.since === undefined ? {} : { since: position(options.since) }),
    ...(options.until === undefined ? {} : { until: position(options.until) }),
  }
  if (BigInt(selection.since ?? 0) > BigInt(selection.until ?? selection.since ?? 0))
    throw usage(`nothing is after position ${selection.since} and up to ${selection.until}`)
  if (options.continue && Object.keys(selection).length > 0)
    throw usage('--continue goes on with what the file was begun with: leave the other choices out')
  const { exportLines, exportToFile } = await import('@assistant-ledger/audit')
  const log = await openLog(context, options)
  const bar = await progress(context.output, 'exporting', {
    total: Number(await log.head()),
    unit: 'of the log',
  })
  const { signal } = context
  let standing: ExportStanding | undefined
  const onProgress = (now: ExportStanding) => {
    standing = now
    bar.update(Number(now.position), Number(now.begun.through))
  }
  try {
    if (file === undefined) {
      for await (const piece of exportLines(log, { selection, signal, onProgress }))
        await context.output.write(piece.toString('utf8'))
      bar.stop()
      const { events, begun, altered } = standing as unknown as ExportStanding
      context.output.note(exported(events, begun))
      mustBeAsRecorded(altered)
      return
    }
    const { events, begun, altered } = await exportToFile(log, file, {
      selection,
      signal,
      onProgress,
      continues: options.continue === true,
    })
    bar.stop()
    const { project, through } = begun
    if (context.output.mode === 'json')
      await context.output.json({ file, events, project, through, ...(altered ? { altered } : {}) })
    else await context.output.line(`${file}: ${exported(events, begun)}`)
    mustBeAsRecorded(altered)
  } catch (error) {
    bar.stop()
    const failure = await told(error, file)
    // What is wrong with the part itself is said by the failure.
    if (failure === error && file !== undefined && existsSync(`${file}.part`))
      context.output.note(`broken off; what there is, is in ${file}.part: go on with --continue`)
    throw failure
  } finally {
    bar.stop()
    await log.close()
  }
}

/** What whoever ran it can do something about, as a failure; anything else as it is. */
async function told(error: unknown, file: string | undefined): Promise<unknown> {
  const { AlteredExport, AlteredLog, ExportFileInTheWay, NothingOfThat } = await import(
    '@assistant-ledger/audit'
  )
  // An export that somebody took the half of must not look like a whole one.
  if (error instanceof OutputClosed)
    return new Failure('whoever reads the standard output left before the end: what there is of it is cut')
  if (error instanceof AlteredLog)
    return new Failure(`the log was altered: ${error.message}; "assistants verify" says what else`)
  if (error instanceof NothingOfThat) return usage(`nothing was exported: ${error.message}`)
  const { code, syscall } = error as NodeJS.ErrnoException
  if (file !== undefined && syscall === 'access' && code === 'ENOENT')
    return usage(`there is no folder ${dirname(file)} to export into: make it, or name another`)
  if (error instanceof AlteredExport || error instanceof ExportFileInTheWay) return new Failure(error.message)
  return error
}

const exported = (events: number, { project, through }: ExportStanding['begun']): string =>
  `${counted(events, 'event')} of project ${project}, up to position ${through}`

/** The export is whole, and so is what was altered in it: nobody shall take that for the log as it was recorded. */
function mustBeAsRecorded(altered: Altered | undefined): void {
  if (!altered) return
  const { events, stream, revision, why } = altered
  const others = events === 1 ? '' : `, and ${events - 1} more`
  throw new Failure(
    `the log was altered and is exported as it is, which "import" refuses: event ${revision} of stream ${stream}: ${why}${others}; "assistants verify" says what else`,
    EXIT.differs,
  )
}

/** Only names are asked of the service: for ids there need be none. */
async function idsOf(context: Context, meant: readonly string[]): Promise<string[]> {
  const ids: string[] = []
  for (const one of meant)
    ids.push(
      isAssistantId(one)
        ? one.toLowerCase()
        : await assistantId(await context.service(), one, { orGone: true }),
    )
  return ids
}

function position(text: string): string {
  if (!/^\d{1,19}$/.test(text)) throw usage(`${JSON.stringify(text)} is no position: it is a whole number`)
  return text
}
