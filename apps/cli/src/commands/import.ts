// Events from a file, or assistants from a LangGraph server, into the service.
import type { ImportProgress } from '@assistant-ledger/audit'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { EXIT, Failure, usage } from '../failure.js'
import { keepMemorySmall } from '../memory.js'
import { importFrom } from '../moving/import-from.js'
import { counted } from '../output/counted.js'
import { progress } from '../output/progress.js'
import { importTarget } from '../service/import-target.js'
import { urlOf } from '../settings.js'

const EXAMPLES = `
Examples:
  $ assistants import ledger.ndjson.gz --dry-run
  $ assistants import ledger.ndjson.gz --reason "the move to the cluster"
  $ assistants import --from http://127.0.0.1:2024 --reason "from the old server"
  $ assistants import --from https://graphs.example.org --from-header "x-api-key: $LANGGRAPH_API_KEY"

All of the file is checked before anything is written: against its checksums, and against what the service has. Events
that are there already are passed over, so that an import that was broken off is simply run again. Where an assistant has
another history than the file's, nothing is imported. The service has to be of the file's project.`

interface Options {
  readonly from?: string
  readonly fromHeader?: Readonly<Record<string, string>>
  readonly dryRun?: boolean
  readonly reason?: string
}

export function register(command: Command, context: Context): void {
  command
    .argument('[file]', 'what "export" wrote')
    .option('--from <url>', 'a LangGraph server, in place of a file', urlOf)
    .option(
      '--from-header <name: value>',
      'what that server asks for, such as "x-api-key: …"; repeatable',
      header,
    )
    .option('--dry-run', 'check, and write nothing')
    .option('-r, --reason <text>', 'why, recorded for good')
    .addHelpText('after', EXAMPLES)
    .action((file: string | undefined, options: Options) => {
      if ((file === undefined) === (options.from === undefined))
        throw usage('name either a file or --from <url>')
      if (options.fromHeader && options.from === undefined) throw usage('--from-header goes with --from')
      if (file === undefined && options.dryRun)
        throw usage('--dry-run is for files: what is there already is left alone anyway')
      return file === undefined
        ? importFrom(context, options.from as string, options)
        : importOf(context, file, options)
    })
}

async function importOf(context: Context, file: string, { dryRun = false, reason }: Options): Promise<void> {
  const { importFile, openExport } = await import('@assistant-ledger/audit')
  const { output, signal } = context
  keepMemorySmall()
  const target = await importTarget(await context.service(), reason)
  const bar = await progress(output, 'importing', { total: 0, unit: 'events' })
  let wrote = false
  const onProgress = ({ step, events, of }: ImportProgress) => {
    if (step !== 'writing') return
    wrote = true
    bar.update(events, of as number)
  }
  try {
    const done = await importFile({ open: () => openExport(file), target, dryRun, signal, onProgress })
    bar.stop()
    if (output.mode === 'json') return await output.json({ file, dry_run: dryRun, ...done })
    const { events, present, written } = done
    const missing = dryRun ? `${events - present} would be written` : `${written} written`
    const were = present === 1 ? 'was' : 'were'
    await output.line(`${file}: ${counted(events, 'event')}, ${present} ${were} there already, ${missing}`)
  } catch (error) {
    bar.stop()
    if (signal.aborted || wrote)
      output.note('broken off; what was written stays, and is passed over when it is run again')
    throw await told(error, file, wrote, (text) => output.note(text))
  }
}

/** What whoever ran it can do something about, as a failure; anything else as it is. */
async function told(
  error: unknown,
  file: string,
  wrote: boolean,
  note: (text: string) => void,
): Promise<unknown> {
  const { AlteredExport, ForeignExport, ImportConflicts } = await import('@assistant-ledger/audit')
  if (error instanceof ImportConflicts) {
    const { conflicts, more } = error
    for (const { stream, revision, reason } of conflicts) note(`${stream}, event ${revision}: ${reason}`)
    const many = counted(conflicts.length, 'stream') + (more ? ' and perhaps more' : '')
    const have = conflicts.length === 1 && !more ? 'has' : 'have'
    return new Failure(
      `nothing was imported: ${many} ${have} another history here than in ${file}`,
      EXIT.changed,
    )
  }
  if (error instanceof AlteredExport)
    return new Failure(
      wrote
        ? `${file} was changed while it was imported: ${error.message}`
        : `${file} is not what was exported, and nothing was imported: ${error.message}`,
    )
  if (error instanceof ForeignExport)
    return new Failure(`${file} cannot be imported here, and nothing was: ${error.message}`)
  if (['ENOENT', 'EACCES', 'EISDIR'].includes(String((error as { code?: unknown }).code)))
    return new Failure(`${file} cannot be read: ${(error as Error).message}`)
  return error
}

/** One more header, of those that go to the other server. */
function header(given: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, value] = /^([\w-]+):\s*([\x20-\x7e]+)$/.exec(given) ?? []
  if (name === undefined || value === undefined)
    throw usage('--from-header takes "name: value", such as "x-api-key: …"')
  return { ...before, [name]: value }
}
