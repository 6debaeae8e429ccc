// Events from a file, or assistants from a LangGraph server, into the service.
import type { ImportProgress } from '@assistant-ledger/audit'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { EXIT, Failure, usage } from '../failure.js'
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
      return file === undefined
        ? importFrom(context, options.from as string, options)
        : importOf(context, file, options)
    })
}

async function importOf(context: Context, file: string, { dryRun = false, reason }: Options): Promise<void> {
  const { AlteredExport, ImportConflicts, importFile, openExport } = await import('@assistant-ledger/audit')
  const { output, signal } = context
  const target = await importTarget(await context.service(), reason)
  const bar = await progress(output, 'importing', { total: 0, unit: 'events' })
  const onProgress = ({ step, events, of }: ImportProgress) => {
    if (step === 'writing') bar.update(events, of as number)
  }
  try {
    const done = await importFile({ open: () => openExport(file), target, dryRun, signal, onProgress })
    bar.stop()
    if (output.mode === 'json') return await output.json({ file, dry_run: dryRun, ...done })
    const { events, present, written } = done
    const missing = dryRun ? `${events - present} would be written` : `${written} written`
    await output.line(`${file}: ${events} events, ${present} were there already, ${missing}`)
  } catch (error) {
    bar.stop()
    if (signal.aborted) output.note('broken off; what was written stays: run it again to go on')
    if (error instanceof ImportConflicts) {
      for (const { stream, revision, reason: why } of error.conflicts)
        output.note(`${stream}, event ${revision}: ${why}`)
      throw new Failure(
        `nothing was imported: ${error.conflicts.length} streams have another history here than in ${file}`,
        EXIT.changed,
      )
    }
    if (error instanceof AlteredExport)
      throw new Failure(`${file} is not what was exported, and nothing was imported: ${error.message}`)
    if (['ENOENT', 'EACCES', 'EISDIR'].includes(String((error as { code?: unknown }).code)))
      throw new Failure(`${file} cannot be read: ${(error as Error).message}`)
    throw error
  }
}

async function importFrom(
  context: Context,
  from: string,
  { fromHeader, dryRun, reason }: Options,
): Promise<void> {
  if (dryRun) throw usage('--dry-run is for files: what is there already is left alone anyway')
  const { assistantsOf, ChangedThere, NoSuchServer } = await import('@assistant-ledger/audit')
  const { output, signal } = context
  const { project, send } = await importTarget(await context.service(), reason ?? `imported from ${from}`)
  const bar = await progress(output, 'importing', { total: 0, unit: 'assistants' })
  const server = { url: from, project, signal, ...(fromHeader ? { headers: fromHeader } : {}) }
  const done = { assistants: 0, changed: 0, written: 0, refused: 0 }
  try {
    for await (const { id, name, parts } of assistantsOf(server)) {
      let written = 0
      try {
        const onMixed = (version: number, fields: readonly string[]) =>
          output.note(
            `${name} (${id}): what is live there is not its version ${version}: ${fields.join(', ')} stayed as it was when it went back to that; here it is all of version ${version}`,
          )
        for await (const part of parts(onMixed))
          written += (await send<{ written: number }>('assistant', part)).written
      } catch (error) {
        const isOfOne =
          error instanceof ChangedThere || (error instanceof Failure && error.code !== undefined)
        if (!isOfOne) throw error
        done.refused += 1
        output.note(`${name} (${id}): ${(error as Error).message}`)
      }
      done.assistants += 1
      done.written += written
      if (written > 0) done.changed += 1
      bar.update(done.assistants, done.assistants)
    }
  } catch (error) {
    if (error instanceof NoSuchServer) throw new Failure(error.message)
    throw error
  } finally {
    bar.stop()
  }
  if (output.mode === 'json') await output.json({ from, ...done })
  else
    await output.line(
      `${from}: ${done.assistants} assistants, ${done.changed} of them with something new: ${done.written} events written`,
    )
  if (done.refused > 0)
    throw new Failure(
      `assistants that were left as they are here: ${done.refused}; each is named above`,
      EXIT.changed,
    )
}

/** One more header, of those that go to the other server. */
function header(given: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, value] = /^([\w-]+):\s*([\x20-\x7e]+)$/.exec(given) ?? []
  if (name === undefined || value === undefined)
    throw usage('--from-header takes "name: value", such as "x-api-key: …"')
  return { ...before, [name]: value }
}
