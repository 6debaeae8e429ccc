// Takes an environment back to the version that was there before.
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { defined } from '../defined.js'
import { reasonOf } from '../input.js'
import { environmentOption, type MoveOptions, moveOptions, replacesOption } from '../options.js'
import { move } from '../order.js'
import { rollBackAssistant } from '../service/assistants.js'
import { assistantId } from '../service/naming.js'

const EXAMPLES = `
Examples:
  $ assistants rollback Blog --reason "it forgets the links" --wait
  $ assistants rollback Blog --environment staging
  $ assistants rollback Blog --replaces 4             # only if version 4 is still there

On a terminal it asks for the reason; an empty one is none.`

interface Options extends MoveOptions {
  readonly environment?: string
  readonly replaces?: number
}

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant>', 'its id, its name or a graph')
    .addHelpText('after', EXAMPLES)
    .action((meant: string, options: Options) => rollBack(context, meant, options))
  environmentOption(command, 'the environment to take back (live)')
  moveOptions(replacesOption(command))
}

async function rollBack(context: Context, meant: string, options: Options): Promise<void> {
  const { environment, replaces } = options
  const service = await context.service()
  const id = await assistantId(service, meant)
  const reason = await reasonOf(context, options)
  await move(
    context,
    service,
    { ...options, ...defined({ reason }) },
    {
      what: `rollback ${meant}`,
      environment,
      send: (wait, order) =>
        rollBackAssistant(service, id, { ...defined({ environment, replaces }), ...wait }, order),
      done: ({ name, version }) => `${name}: version ${version} is in ${environment ?? 'live'} again`,
    },
  )
}
