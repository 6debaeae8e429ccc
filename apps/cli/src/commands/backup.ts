// An embedded installation backed up while it runs.
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { usage } from '../failure.js'
import { counted } from '../output/counted.js'
import { steps, toldFailure } from '../output/steps.js'

const EXAMPLES = `
Examples:
  $ assistants backup backups/monday --data-dir data

The log as of one moment, checked, and the signing key; all else comes back from the log. What the service is started
with (settings, passwords, langgraph.json) is not in it. It goes into a new folder, and the service goes on meanwhile.
EventStoreDB has ways of its own: docs/operations.md.`

export function register(command: Command, context: Context): void {
  command
    .argument('<folder>', 'where to, a new folder')
    .option('--data-dir <folder>', "the service's DATA_DIR")
    .addHelpText('after', EXAMPLES)
    .action((folder: string, options: { readonly dataDir?: string }) => run(context, folder, options))
}

async function run(context: Context, folder: string, options: { readonly dataDir?: string }): Promise<void> {
  const dataDir = options.dataDir ?? (await context.settings()).log.dataDir
  if (dataDir === undefined) throw usage('say what to back up: --data-dir <folder>')
  const { backup } = await import('@assistant-ledger/audit')
  const { output, signal } = context
  const step = await steps(output)
  try {
    const manifest = await backup(dataDir, folder, { signal, onProgress: step.update })
    step.stop()
    if (output.mode === 'json') return await output.json({ folder, ...manifest })
    const { events, project, position, epoch } = manifest
    await output.line(
      `${folder}: ${counted(events, 'event')} of project ${project}, up to position ${position} of epoch ${epoch}`,
    )
  } catch (error) {
    throw await toldFailure(error)
  } finally {
    step.stop()
  }
}
