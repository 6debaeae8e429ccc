// Where each environment points.
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { listEnvironments } from '../service/assistants.js'
import { assistantId } from '../service/naming.js'

const EXAMPLES = `
Examples:
  $ assistants environments Blog
  $ assistants environments Blog --json`

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant>', 'its id, its name or a graph')
    .addHelpText('after', EXAMPLES)
    .action((meant: string) => environments(context, meant))
}

async function environments(context: Context, meant: string): Promise<void> {
  const service = await context.service()
  const { body } = await listEnvironments(service, await assistantId(service, meant))
  await context.output.table(
    [
      {
        head: 'ENVIRONMENT',
        of: ({ environment }) => environment,
        colour: (text, _, { cyan }) => cyan(text),
      },
      { head: 'VERSION', of: ({ version }) => version ?? '-', align: 'right' },
      { head: 'SINCE', of: ({ updated_at }) => updated_at, time: true },
    ],
    body,
  )
}
