// What happened, to one assistant or to all: newest first, or as it comes.
import type { HistoryEntry } from '@assistant-ledger/history'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Context } from '../context.js'
import { usage } from '../failure.js'
import { environmentOption, limitOption } from '../options.js'
import { columnsOf } from '../output/entries.js'
import type { Layout } from '../output/table.js'
import { followChanges } from '../service/changes.js'
import { type HistoryAsk, historyPages } from '../service/history.js'
import { assistantId } from '../service/naming.js'
import type { Service } from '../service/service.js'
import { readTime } from '../time.js'

const EXAMPLES = `
Examples:
  $ assistants log                                     # what happened last, to whichever assistant
  $ assistants log Blog --receipts                     # with what runners reported of it
  $ assistants log Blog --limit all --json > blog.jsonl
  $ assistants log --by ada --since "2 days ago" --type promoted
  $ assistants log --environment live --reason spring
  $ assistants log --follow                            # as it comes, until Ctrl-C; a cut is bridged

Pages are fetched as they are read. --follow shows what came last first, oldest on top, and goes on from there.`

/** What people call the types of entries. */
const TYPES = {
  created: 'AssistantCreated',
  changed: 'ConfigChanged',
  promoted: 'VersionPromoted',
  deleted: 'AssistantDeleted',
  noted: 'CommandNoted',
  reported: 'RunnersReported',
} as const
type Type = keyof typeof TYPES

const NORMAL = 50
/** What --follow shows first. */
const FOLLOWED = 10
/** Entries of a page: enough to fill a screen, and few enough to be there at once. */
const AT_ONCE = 100

interface Options {
  readonly by?: string
  readonly type?: readonly Type[]
  readonly graph?: string
  readonly environment?: string
  readonly since?: string
  readonly until?: string
  readonly reason?: string
  readonly receipts?: boolean
  readonly follow?: boolean
  readonly limit?: number
}

export function register(command: Command, context: Context): void {
  command
    .argument('[assistant]', 'its id, its name or a graph; all assistants when absent')
    .option('--by <actor>', 'what this one did')
    .addOption(
      new Option('--type <type>', 'what kind, several with commas')
        .choices(Object.keys(TYPES))
        .argParser(typesIn),
    )
    .option('-g, --graph <graph>', 'versions of this graph')
    .addHelpText('after', EXAMPLES)
    .action((meant: string | undefined, options: Options) => log(context, meant, options))
  environmentOption(command, 'what moved this environment')
    .option('--since <time>', 'from then on: ISO, or "2 hours ago"')
    .option('--until <time>', 'before then')
    .option('--reason <text>', 'with this in its reason, in any case')
    .option('--receipts', 'also what runners reported of the assistant')
    .option('-f, --follow', 'go on with every change, until Ctrl-C')
  limitOption(command, NORMAL)
}

async function log(context: Context, meant: string | undefined, options: Options): Promise<void> {
  const { type = [], follow, limit = NORMAL } = options
  const receipts = options.receipts || type.includes('reported')
  if (receipts && meant === undefined) throw usage('what runners reported is told of one assistant: name it')
  if (follow && (receipts || options.until !== undefined || type.includes('noted')))
    throw usage('--follow goes on with changes: --until, --receipts, reported and noted are of the past')
  const service = await context.service()
  const id = meant === undefined ? undefined : await assistantId(service, meant, { orGone: true })
  const ask = { ...(await askOf(options)), ...(receipts ? { receipts } : {}) }
  if (follow) return following(context, service, id, ask, Math.min(limit, FOLLOWED))
  return past(context, service, id, ask, limit)
}

async function past(
  { output }: Context,
  service: Service,
  id: string | undefined,
  ask: HistoryAsk,
  limit: number,
): Promise<void> {
  output.page()
  const columns = columnsOf(output.mode, id !== undefined)
  const layout: Layout = {}
  let shown = 0
  // One more than is shown says whether there are more.
  for await (const page of historyPages(service, id, ask, limit + 1, AT_ONCE)) {
    await output.table(columns, page.slice(0, limit - shown), { heads: shown === 0, layout })
    shown += page.length
  }
  if (shown === 0) output.note('nothing that matches')
  if (shown > limit)
    output.note(`there is more than these ${limit}: --limit all, or another number, shows it`)
}

async function following(
  { output, signal }: Context,
  service: Service,
  id: string | undefined,
  ask: HistoryAsk,
  first: number,
): Promise<void> {
  const { since, until: _, receipts: __, ...watch } = ask
  const columns = columnsOf(output.mode, id !== undefined)
  const layout: Layout = {}
  let heads = true
  const show = async (entries: readonly HistoryEntry[]) => {
    if (entries.length > 0) await output.table(columns, entries, { heads, layout })
    heads &&= entries.length === 0
  }
  const watched = { ...watch, ...(id === undefined ? {} : { assistant_id: id }) }
  for await (const one of followChanges(service, watched, signal, (text) => output.note(text))) {
    if (one.type === 'change') await show([one.entry])
    else if (one.type === 'gone') {
      if (output.mode === 'json') await output.json(one)
      else output.note(`${one.assistant_id} is not to be seen here any more`)
    } else {
      // What is there already; what came since the stream began comes from it.
      const latest: HistoryEntry[] = []
      for await (const page of historyPages(service, id, { ...ask, ...(since ? { since } : {}) }, first))
        latest.push(...page)
      await show(latest.filter(({ position }) => BigInt(position) <= one.position).reverse())
    }
  }
}

async function askOf({ by, type, graph, environment, since, until, reason }: Options): Promise<HistoryAsk> {
  return {
    ...(by === undefined ? {} : { actor: by }),
    ...(type === undefined ? {} : { type: type.map((one) => TYPES[one]).join(',') }),
    ...(graph === undefined ? {} : { graph_id: graph }),
    ...(environment === undefined ? {} : { environment }),
    ...(since === undefined ? {} : { since: await readTime(since) }),
    ...(until === undefined ? {} : { until: await readTime(until) }),
    ...(reason === undefined ? {} : { reason }),
  }
}

function typesIn(text: string, before: readonly Type[] = []): readonly Type[] {
  const named = text.split(',').map((one) => one.trim())
  const odd = named.find((one) => !Object.hasOwn(TYPES, one))
  if (odd !== undefined)
    throw new InvalidArgumentError(`It must be some of ${Object.keys(TYPES).join(', ')}.`)
  return [...before, ...(named as Type[])]
}
