// The log, or a part of it, as a file of events with checksums.
import { existsSync } from 'node:fs'
import type { ExportStanding } from '@assistant-ledger/audit'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { Failure, usage } from '../failure.js'
import { type LogOptions, logOptions, openLog } from '../log-place.js'
import { counted } from '../output/counted.js'
import { OutputClosed } from '../output/output.js'
import { progress } from '../output/progress.js'
import { assistantId, isAssistantId } from '../service/naming.js'

const EXAMPLES = `
Examples:
  $ assistants export ledger.ndjson.gz --data-dir data
  $ assistants export ledger.ndjson.gz --data-dir data --continue
  $ assistants export blog.ndjson --assistant Blog --data-dir data
  $ assistants export --graph writer --eventstore-url esdb://… > writer.ndjson

Each line is a CloudEvent in JSON; "import" takes the file again. A name that ends with .gz is compressed. What was broken
off stays as <file>.part, and --continue goes on with it. The log is read while the service runs, too.`

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
  if (options.continue && Object.keys(selection).length > 0)
    throw usage('--continue goes on with what the file was begun with: leave the other choices out')
  const { exportLines, exportToFile } = await import('@assistant-ledger/audit')
  const log = await openLog(context, options)
  const bar = await progress(context.output, 'exporting', {
    total: Number(await log.head()),
    unit: 'of the log',
  })
  const { signal } = context
  const onProgress = ({ position, begun }: ExportStanding) =>
    bar.update(Number(position), Number(begun.through))
  try {
    if (file === undefined) {
      for await (const piece of exportLines(log, { selection, signal, onProgress }))
        await context.output.write(piece.toString('utf8'))
      return
    }
    const { events, begun } = await exportToFile(log, file, {
      selection,
      signal,
      onProgress,
      continues: options.continue === true,
    })
    bar.stop()
    await tell(context, { file, events, project: begun.project, through: begun.through })
  } catch (error) {
    bar.stop()
    const failure = await told(error)
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
async function told(error: unknown): Promise<unknown> {
  const { AlteredExport, AlteredLog, ExportFileInTheWay } = await import('@assistant-ledger/audit')
  // An export that somebody took the half of must not look like a whole one.
  if (error instanceof OutputClosed)
    return new Failure('whoever reads the standard output left before the end: what there is of it is cut')
  if (error instanceof AlteredLog)
    return new Failure(`the log was altered: ${error.message}; "assistants verify" says what else`)
  if (error instanceof AlteredExport || error instanceof ExportFileInTheWay) return new Failure(error.message)
  return error
}

async function tell(
  { output }: Context,
  done: { file: string; events: number; project: string; through: string },
): Promise<void> {
  if (output.mode === 'json') return output.json(done)
  const { file, events, project, through } = done
  await output.line(`${file}: ${counted(events, 'event')} of project ${project}, up to position ${through}`)
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
