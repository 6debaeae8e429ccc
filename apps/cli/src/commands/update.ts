// A new version of an assistant, from options, a file or the standard input.
import type { Command } from 'commander'
import { hasAssignments } from '../assign.js'
import { applied, patchBetween, writtenOf } from '../content.js'
import type { Context } from '../context.js'
import { defined } from '../defined.js'
import { usage } from '../failure.js'
import { contentGiven } from '../given.js'
import {
  type ContentOptions,
  collected,
  contentOptions,
  integerFrom,
  type MoveOptions,
  moveOptions,
  mustPromote,
  type PlaceOptions,
  placeOptions,
  type SecretsOptions,
  secretsOption,
} from '../options.js'
import { move } from '../order.js'
import { changesBetween } from '../output/difference.js'
import { promoteAssistant, revisionOf, updateAssistant } from '../service/assistants.js'
import { assistantMeant } from '../service/naming.js'
import { isLike, nothingOf, shownIn } from '../shown-in.js'

const EXAMPLES = `
Examples:
  $ assistants update Blog --set context.model=sample-deep --reason "better" --wait
  $ assistants update Blog --set-file context.prompt=prompt.txt --environment staging
  $ assistants update Blog -f blog.yaml --no-promote
  $ jq '.context.temperature = 0.2' blog.json | assistants update Blog -f -

It builds on the version in live; where that is like this already, --environment promotes it. A file's config and context replace
those there are, its metadata is merged. With --set, --set-file and --unset the rest stays, and what somebody else changed
meanwhile is not overwritten (exit code 4).`

interface Options extends ContentOptions, MoveOptions, PlaceOptions, SecretsOptions {
  readonly ifMatch?: number
}

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant>', 'its id, its name or a graph')
    .option('--name <name>', 'what it is called from now on')
    .addHelpText('after', EXAMPLES)
    .action((meant: string, options: Options) => update(context, meant, options))
  contentOptions(command).option('--unset <path>', 'take one place away', collected)
  placeOptions(
    command,
    'the environment that the new version goes to (live)',
    'leave the new version out of all environments',
  ).option('--if-match <revision>', 'only if the assistant has this revision', integerFrom(0))
  moveOptions(secretsOption(command))
}

async function update(context: Context, meant: string, options: Options): Promise<void> {
  const { promote, to, ifMatch } = options
  mustPromote(options)
  const service = await context.service()
  const answer = await assistantMeant(service, meant)
  const before = answer.body
  const written = await contentGiven(options, writtenOf(before))
  if (Object.keys(written).length === 0)
    throw usage('nothing to change; give --set, --file or another option')
  const wanted = applied(before, written)
  const patch = patchBetween(before, wanted)
  const shown = patch === undefined && to !== undefined ? await shownIn(service, before, to) : before
  if (patch === undefined && isLike(shown, wanted)) {
    const where = to === undefined ? '' : ` in ${to}`
    context.output.note(`nothing to change: ${before.name} is like that already${where}`)
    if (context.output.mode === 'json') await context.output.json(before)
    return
  }
  const place = promote ? `is in ${to ?? 'live'}` : 'is in no environment yet'
  const { assistant_id: id } = before
  await move(context, service, options, {
    what: `update ${meant}`,
    environment: to,
    ifMatch: ifMatch ?? (hasAssignments(options) ? revisionOf(answer) : undefined),
    send: (wait, order) =>
      patch === undefined
        ? promoteAssistant(
            service,
            id,
            { version: before.version, ...defined({ environment: to }), ...wait },
            order,
          )
        : updateAssistant(service, id, patch, { ...placingOf(options), ...wait }, order),
    done: ({ name, version }) =>
      `${name}: version ${version}${patch === undefined ? ', which live has already,' : ''} ${place}`,
    changes: await changesBetween(shown ?? nothingOf(wanted), wanted),
  })
}

const placingOf = ({ promote, to }: PlaceOptions) => (promote ? defined({ promote_to: to }) : { promote })
