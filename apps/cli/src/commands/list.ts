// The assistants there are, as `live` shows them.
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { limitOption, sortOptions } from '../options.js'
import { showAssistants } from '../output/assistants.js'
import { searchAssistants } from '../service/assistants.js'

const EXAMPLES = `
Examples:
  $ assistants list
  $ assistants list --graph writer --sort name
  $ assistants list --limit all --json | jq -r .assistant_id`

interface Options {
  readonly graph?: string
  readonly limit: number
  readonly sort: string
  readonly order?: string
}

export function register(command: Command, context: Context): void {
  command
    .option('-g, --graph <graph>', 'only those of this graph')
    .addHelpText('after', EXAMPLES)
    .action((options: Options) => list(context, options))
  sortOptions(command)
  limitOption(command, 50)
}

async function list(context: Context, { graph, limit, sort, order }: Options): Promise<void> {
  const search = {
    ...(graph === undefined ? {} : { graph_id: graph }),
    sort_by: sort,
    sort_order: order ?? (sort.endsWith('_at') ? 'desc' : 'asc'),
  }
  await showAssistants(context, searchAssistants(await context.service(), search, limit + 1), limit)
}
