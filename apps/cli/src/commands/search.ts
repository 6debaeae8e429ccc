// Assistants by what is in them: a part of the name, metadata, the graph.
import type { JsonObject, JsonValue } from '@assistant-ledger/assistant'
import type { Command } from 'commander'
import { parseDocument } from '../content.js'
import type { Context } from '../context.js'
import { usage } from '../failure.js'
import { collected, limitOption, sortOptions } from '../options.js'
import { showAssistants } from '../output/assistants.js'
import { searchAssistants } from '../service/assistants.js'

const EXAMPLES = `
Examples:
  $ assistants search blog
  $ assistants search --metadata team=press --metadata '{"reviewed": true}'
  $ assistants search --graph writer --json | jq -r .name`

interface Options {
  readonly graph?: string
  readonly metadata?: readonly string[]
  readonly limit: number
  readonly sort: string
  readonly order?: string
}

export function register(command: Command, context: Context): void {
  command
    .argument('[text]', 'a part of the name, in any case')
    .option('-g, --graph <graph>', 'only those of this graph')
    .option('-m, --metadata <key=value>', 'that have this in their metadata; or a JSON object', collected)
    .addHelpText('after', EXAMPLES)
    .action((text: string | undefined, options: Options) => search(context, text, options))
  sortOptions(command)
  limitOption(command, 50)
}

async function search(context: Context, text: string | undefined, options: Options): Promise<void> {
  const { graph, metadata = [], limit, sort, order } = options
  const wanted = await metadataIn(metadata)
  const asked = {
    ...(text === undefined ? {} : { name: text }),
    ...(graph === undefined ? {} : { graph_id: graph }),
    ...(metadata.length === 0 ? {} : { metadata: wanted }),
    sort_by: sort,
    sort_order: order ?? (sort.endsWith('_at') ? 'desc' : 'asc'),
  }
  await showAssistants(context, searchAssistants(await context.service(), asked, limit + 1), limit)
}

async function metadataIn(given: readonly string[]): Promise<JsonObject> {
  const parts: [string, JsonValue][] = []
  for (const text of given) {
    if (text.startsWith('{')) {
      parts.push(...Object.entries((await parseDocument(text, '--metadata')) as JsonObject))
      continue
    }
    const at = text.indexOf('=')
    if (at < 1) throw usage(`--metadata takes key=value or a JSON object, not ${JSON.stringify(text)}`)
    parts.push([text.slice(0, at), (await parseDocument(text.slice(at + 1), '--metadata')) as JsonValue])
  }
  return Object.fromEntries(parts)
}
