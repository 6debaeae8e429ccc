// Deletes assistants. What they were stays in the log.
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { defined } from '../defined.js'
import { Failure, usage } from '../failure.js'
import { confirm, reasonOf } from '../input.js'
import { orderOf, type WriteOptions, writeOptions } from '../options.js'
import { deleteAssistant, revisionOf } from '../service/assistants.js'
import { assistantMeant } from '../service/naming.js'

const EXAMPLES = `
Examples:
  $ assistants delete Blog --reason "the blog is closed"
  $ assistants delete 5b1d6a52-6f0e-4c6b-9d55-0b1f3a7c0001 --yes

Its history stays: assistants log shows it, and assistants create --id begins a new life of the same id.`

interface Options extends WriteOptions {
  readonly yes?: boolean
}

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant>', 'its id, its name or a graph')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', EXAMPLES)
    .action((meant: string, options: Options) => remove(context, meant, options))
  writeOptions(command)
}

async function remove(context: Context, meant: string, options: Options): Promise<void> {
  const { output } = context
  if (!options.yes && !output.canAsk)
    throw usage('nobody is there to be asked whether to delete it: give --yes')
  const service = await context.service()
  const answer = await assistantMeant(service, meant)
  const { assistant_id, name, version, graph_id } = answer.body
  const question = `delete ${name} (${assistant_id}, ${graph_id}, version ${version}), in every environment?`
  if (!options.yes && !(await confirm(context, question))) throw new Failure('nothing was deleted')
  const reason = await reasonOf(context, options)
  const revision = revisionOf(answer)
  await deleteAssistant(service, assistant_id, {
    ...orderOf({ ...options, ...defined({ reason }) }),
    what: `delete ${meant}`,
    // What was asked about is what is deleted.
    ...(revision === undefined || options.yes ? {} : { ifMatch: revision }),
  })
  if (output.mode === 'json') await output.json({ assistant_id, name, deleted: true })
  else await output.line(`${name} (${assistant_id}) is deleted`)
}
