// A new version of an assistant, from options, a file or the standard input.
import { type Command, Option } from 'commander'
import { hasAssignments } from '../assign.js'
import { applied, patchBetween, writtenOf } from '../content.js'
import type { Context } from '../context.js'
import { usage } from '../failure.js'
import { contentGiven } from '../given.js'
import {
  type ContentOptions,
  collected,
  contentOptions,
  integerFrom,
  orderOf,
  type WaitOptions,
  type WriteOptions,
  waitOf,
  waitOption,
  waitSeconds,
  writeOptions,
} from '../options.js'
import { changesBetween, showChanges } from '../output/difference.js'
import { report, whileWaiting } from '../output/receipt.js'
import { revisionOf, updateAssistant } from '../service/assistants.js'
import { assistantMeant } from '../service/naming.js'

const EXAMPLES = `
Examples:
  $ assistants update Blog --set context.model=sample-2 --reason "cheaper" --wait
  $ assistants update Blog --set-file context.prompt=prompt.txt --to staging
  $ assistants update Blog -f blog.yaml --no-promote
  $ jq '.context.temperature = 0.2' blog.json | assistants update Blog -f -

It builds on the version in live. A file's config and context replace those there are, its metadata is merged. With --set,
--set-file and --unset the rest stays, and what somebody else changed meanwhile is not overwritten (exit code 4).`

interface Options extends ContentOptions, WriteOptions, WaitOptions {
  /** False with --no-promote. */
  readonly promote: boolean
  readonly to?: string
  readonly ifMatch?: number
}

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant>', 'its id, its name or a graph')
    .option('--name <name>', 'what it is called from now on')
    .addHelpText('after', EXAMPLES)
    .action((meant: string, options: Options) => update(context, meant, options))
  contentOptions(command)
    .option('--unset <path>', 'take one place away', collected)
    .addOption(new Option('--to <environment>', 'the environment that the new version goes to (live)'))
    .addOption(new Option('--no-promote', 'leave the new version out of all environments').conflicts('to'))
    .option('--if-match <revision>', 'only if the assistant has this revision', integerFrom(0))
  writeOptions(waitOption(command))
}

async function update(context: Context, meant: string, options: Options): Promise<void> {
  const { promote, to, ifMatch } = options
  const seconds = waitSeconds(options)
  if (!promote && seconds !== undefined)
    throw usage('--wait waits for the runners of an environment; with --no-promote there is none')
  const service = await context.service()
  const answer = await assistantMeant(service, meant)
  const before = answer.body
  const written = await contentGiven(options, writtenOf(before))
  if (Object.keys(written).length === 0)
    throw usage('nothing to change; give --set, --file or another option')
  const wanted = applied(before, written)
  const patch = patchBetween(before, wanted)
  if (patch === undefined) {
    context.output.note(`nothing to change: ${before.name} is like that already`)
    if (context.output.mode === 'json') await context.output.json(before)
    return
  }
  const builtOn = hasAssignments(options) ? revisionOf(answer) : undefined
  const revision = ifMatch ?? builtOn
  const done = await whileWaiting(
    context,
    seconds,
    updateAssistant(
      service,
      before.assistant_id,
      patch,
      {
        ...(promote ? {} : { promote: false }),
        ...(to === undefined ? {} : { promote_to: to }),
        ...waitOf(options),
      },
      {
        ...orderOf(options),
        what: `update ${meant}`,
        ...(revision === undefined ? {} : { ifMatch: revision }),
      },
    ),
  )
  if (context.output.mode !== 'json')
    for (const line of await showChanges(await changesBetween(before, wanted), context.output.colours))
      await context.output.line(line)
  const place = promote ? `is in ${to ?? 'live'}` : 'is in no environment yet'
  await report(context, service, done, {
    done: `${done.body.name}: version ${done.body.version} ${place}`,
    environment: to,
    waited: seconds !== undefined,
  })
}
