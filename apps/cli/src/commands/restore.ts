// A backup put back, tested first.
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { usage } from '../failure.js'
import { counted } from '../output/counted.js'
import { steps, toldFailure } from '../output/steps.js'

const EXAMPLES = `
Examples:
  $ assistants restore backups/monday --data-dir data

The copy is tested before it is put in place: its checksums, the file, and every event's place in its chain. The folder
must have no log, and no service may run on it. The service begins a new epoch there when it starts. If NATS has seen more
than the backup has, it says so first, and takes the backup for the truth with ACCEPT_LOG_BEHIND=yes: docs/operations.md has
the steps.`

export function register(command: Command, context: Context): void {
  command
    .argument('<folder>', 'what "backup" wrote')
    .option('--data-dir <folder>', "the service's DATA_DIR, without a log")
    .addHelpText('after', EXAMPLES)
    .action((folder: string, options: { readonly dataDir?: string }) => run(context, folder, options))
}

async function run(context: Context, folder: string, options: { readonly dataDir?: string }): Promise<void> {
  const dataDir = options.dataDir ?? (await context.settings()).log.dataDir
  if (dataDir === undefined) throw usage('say where to: --data-dir <folder>')
  const { restore } = await import('@assistant-ledger/audit')
  const { output, signal } = context
  const step = await steps(output)
  try {
    const manifest = await restore(folder, dataDir, { signal, onProgress: step.update })
    step.stop()
    if (output.mode === 'json') return await output.json({ data_dir: dataDir, ...manifest })
    const { events, project, position, epoch, taken_at } = manifest
    await output.line(
      `${dataDir}: ${counted(events, 'event')} of project ${project}, up to position ${position} of epoch ${epoch}, as of ${taken_at}`,
    )
    output.note(
      'start the service, which begins a new epoch; if it says that NATS has seen more, this backup lacks it: look for a newer one, or take this one for the truth with ACCEPT_LOG_BEHIND=yes',
    )
  } catch (error) {
    throw await toldFailure(error)
  } finally {
    step.stop()
  }
}
