// A new assistant, whose first version is live.
import { type Command, Option } from 'commander'
import { hasAssignments } from '../assign.js'
import { applied, type Written } from '../content.js'
import type { Context } from '../context.js'
import { usage } from '../failure.js'
import { contentGiven } from '../given.js'
import {
  type ContentOptions,
  contentOptions,
  orderOf,
  type SecretsOptions,
  secretsOption,
  type WriteOptions,
  writeOptions,
} from '../options.js'
import { report } from '../output/receipt.js'
import { createAssistant } from '../service/assistants.js'
import { listed, namesakes } from '../service/naming.js'
import { nothingOf } from '../shown-in.js'

const EXAMPLES = `
Examples:
  $ assistants create Blog --graph writer --set context.model=sample-swift --set-file context.prompt=prompt.txt
  $ assistants create -f blog.yaml --reason "a blog for the spring"
  $ assistants show Blog --json | jq '{graph_id, name: "Blog 2", context}' | assistants create -f -`

interface Options extends ContentOptions, WriteOptions, SecretsOptions {
  readonly id?: string
  readonly ifExists?: 'raise' | 'do_nothing'
}

export function register(command: Command, context: Context): void {
  command
    .argument('[name]', 'what it is called')
    .option('--id <id>', 'its id, a UUID; a new one when absent')
    .addOption(
      new Option('--if-exists <what>', 'what to do when the id is there').choices(['raise', 'do_nothing']),
    )
    .addHelpText('after', EXAMPLES)
    .action((name: string | undefined, options: Options) => create(context, name, options))
  writeOptions(secretsOption(contentOptions(command)))
}

async function create(context: Context, name: string | undefined, options: Options): Promise<void> {
  const { id, ifExists, file } = options
  const written = await contentGiven({ ...options, ...(name === undefined ? {} : { name }) })
  const { graph_id, description, ...content } = contextOnce(written)
  if (graph_id === undefined)
    throw usage(
      file === undefined && !hasAssignments(options)
        ? 'a new assistant needs --graph, or a file with graph_id'
        : 'there is no graph_id: give --graph',
    )
  const service = await context.service()
  const answer = await createAssistant(
    service,
    {
      graph_id,
      ...content,
      ...(description ? { description } : {}),
      ...(id === undefined ? {} : { assistant_id: id }),
      ...(ifExists === undefined ? {} : { if_exists: ifExists }),
    },
    orderOf(options),
  )
  const { assistant_id, version } = answer.body
  const done = `${answer.body.name} is ${assistant_id}, version ${version}`
  await report(context, service, answer, { done, environment: undefined, waited: false })
  if (content.name === undefined) return
  // It is made, whether others can be looked for or not.
  const same = await namesakes(service, content.name).catch(() => [])
  const others = same.filter((one) => one.assistant_id !== assistant_id)
  if (others.length > 0)
    context.output.note(`that name was there before: ${listed(others)}; name each by its id, or rename one`)
}

/** As it is shown it has the context twice, of which the service takes one. @throws Failure where the two differ */
function contextOnce(written: Written): Written {
  if (written.config === undefined || written.context === undefined) return written
  const { config, context } = applied(nothingOf({ graph_id: '', name: '' }), written)
  return { ...written, config, context }
}
