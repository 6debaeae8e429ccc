// Changes an assistant in the person's editor: text, difference and impact, reason, version, receipt.
import type { Command } from 'commander'
import { applied, patchBetween, type Written } from '../content.js'
import type { Context } from '../context.js'
import { defined } from '../defined.js'
import { checkEditor, edited, Manuscript } from '../editor.js'
import { EXIT, Failure, usage } from '../failure.js'
import { ask } from '../input.js'
import {
  environmentOption,
  moveOptions,
  type PlaceOptions,
  type SecretsOptions,
  secretsOption,
  toOptions,
  type WriteOptions,
} from '../options.js'
import { move } from '../order.js'
import { showChanges } from '../output/difference.js'
import { answerIn, reachIn } from '../output/foreseen.js'
import type { Output } from '../output/output.js'
import { listEnvironments, type Patch, revisionOf, updateAssistant } from '../service/assistants.js'
import { type Foreseen, getImpactOf } from '../service/history.js'
import { assistantMeant } from '../service/naming.js'
import type { Service } from '../service/service.js'
import type { Content } from '../service/shapes.js'
import { readText } from '../text-file.js'

const EXAMPLES = `
Examples:
  $ assistants edit Blog
  $ assistants edit Blog --environment staging --reason "shorter posts"
  $ EDITOR='code --wait' assistants edit Blog
  $ assistants edit Blog --file kept.yaml              # go on with a text that could not be saved

The editor is $VISUAL, $EDITOR or vi. A text that is left as it was, or empty, changes nothing, and so does an empty reason.
What somebody else changed meanwhile is not overwritten: the text is then kept in a file, which the error names.`

interface Options extends WriteOptions, PlaceOptions, SecretsOptions {
  readonly environment?: string
  readonly file?: string
  /** False with --no-wait. */
  readonly wait?: number | boolean
}

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant>', 'its id, its name or a graph')
    .option('-f, --file <file>', 'begin with this text instead of the present content')
    .addHelpText('after', EXAMPLES)
    .action((meant: string, options: Options) => edit(context, meant, options))
  environmentOption(command, 'begin with what this environment shows, and go there (live)')
  toOptions(
    command,
    'the environment that the new version goes to, where that is another',
    'leave the new version out of all environments',
  )
  moveOptions(secretsOption(command)).option('--no-wait', 'do not wait for the runners')
}

async function edit(context: Context, meant: string, options: Options): Promise<void> {
  const { output } = context
  const { reason, environment } = options
  if (reason === undefined && !output.canAsk)
    throw usage('nobody is there to be asked for a reason: give --reason')
  checkEditor()
  const service = await context.service()
  const live = await assistantMeant(service, meant)
  const shown =
    environment === undefined ? live : await assistantMeant(service, live.body.assistant_id, environment)
  const begin = options.file === undefined ? undefined : await readText(options.file)
  const manuscript = await Manuscript.of(shown.body, environment ?? 'live', begin)
  const wanted = await edited(context, manuscript, (written) => wantedOf(shown.body, written))
  const patch = wanted && patchBetween(live.body, wanted)
  if (patch === undefined) {
    await manuscript.discard()
    return output.note('nothing was changed')
  }
  try {
    await save(context, service, live, { meant, options, patch })
    await manuscript.discard()
  } catch (error) {
    throw kept(error, manuscript, meant, context)
  }
}

interface Saving {
  readonly meant: string
  readonly options: Options
  readonly patch: Patch
}

async function save(
  context: Context,
  service: Service,
  live: Awaited<ReturnType<typeof assistantMeant>>,
  { meant, options, patch }: Saving,
): Promise<void> {
  const { output } = context
  const { idempotencyKey, allowSecrets } = options
  const id = live.body.assistant_id
  const shownIn = options.environment ?? 'live'
  const foreseen = await foresee(shownIn)
  if (output.mode !== 'json')
    for (const line of await showChanges(foreseen.changes, output.colours)) await output.line(line)
  const to = await placeFor(context, service, id, options)
  if (to !== undefined) tell(output, to === shownIn ? foreseen : await foresee(to), allowSecrets)
  const reason = options.reason ?? (await ask(context, 'reason (empty: change nothing): '))
  if (!reason) throw new Failure('no reason was given, and nothing was changed')
  const place = to === undefined ? { promote: false } : { promote_to: to }
  await move(
    context,
    service,
    { ...defined({ wait: waitFor(options, to), idempotencyKey, allowSecrets }), reason },
    {
      what: `edit ${meant}`,
      environment: to,
      ifMatch: revisionOf(live),
      send: (wait, order) => updateAssistant(service, id, patch, { ...place, ...wait }, order),
      done: ({ name, version }) =>
        `${name}: version ${version} is in ${to === undefined ? 'no environment yet' : to}`,
    },
  )

  /** What the service says that the new version would do there. */
  async function foresee(environment: string): Promise<Foreseen> {
    return (await getImpactOf(service, id, patch, environment)).body
  }
}

/** Before it is done: whoever is asked for a reason may stop there. */
function tell(output: Output, foreseen: Foreseen, allowSecrets = false): void {
  const { noteColours } = output
  const { decision } = foreseen
  // It was foreseen for one who has not said that it may be.
  const isRefused =
    decision.type === 'refused' && !(allowSecrets && decision.refusal?.code === 'likely-secret')
  const lines = [
    ...(isRefused ? [answerIn(foreseen, noteColours)] : []),
    `in place of ${foreseen.from ?? 'nothing'} in ${foreseen.environment}`,
    ...reachIn(foreseen, noteColours),
  ]
  for (const line of lines) output.note(`impact: ${line}`)
}

/** It waits by itself, where there is somebody to wait for. */
function waitFor({ wait = true }: Options, to: string | undefined): number | true | undefined {
  return to === undefined || wait === false ? undefined : wait
}

/** Where it goes: as the options say, else as the person says, else `live`. */
async function placeFor(
  context: Context,
  service: Service,
  id: string,
  { promote, to, environment, reason }: Options,
): Promise<string | undefined> {
  if (!promote) return undefined
  const usual = to ?? environment ?? 'live'
  // Whoever gave the reason beforehand does not want to be asked.
  if (to !== undefined || reason !== undefined || !context.output.canAsk) return usual
  const { body } = await listEnvironments(service, id)
  const names = body.map((one) => one.environment)
  for (;;) {
    const answer = await ask(context, `promote to ${names.join(', ')}, or none [${usual}]: `)
    if (answer === undefined) throw new Failure('where it is to go was not answered, and nothing was changed')
    if (answer === '') return usual
    if (answer === 'none') return undefined
    if (names.includes(answer)) return answer
    context.output.note(`there is no environment ${JSON.stringify(answer)}: ${names.join(', ')} or none`)
  }
}

/** @throws Failure for what the service could not do with a patch */
function wantedOf(shown: Content, written: Written): Content {
  const gone = Object.keys(shown.metadata).find((key) => !Object.hasOwn(written.metadata ?? {}, key))
  if (gone !== undefined)
    throw usage(`metadata.${gone} cannot be taken away, since metadata is merged; set it to null instead`)
  // What was deleted from the text is to be gone.
  return applied(shown, { description: null, config: {}, context: {}, metadata: {}, ...written })
}

/** Whatever went wrong, the text is not lost. */
function kept(error: unknown, { path }: Manuscript, meant: string, { output }: Context): unknown {
  const again = `your text is in ${path}; go on with: assistants edit ${JSON.stringify(meant)} --file ${path}`
  if (!(error instanceof Failure)) {
    output.note(again)
    return error
  }
  const said =
    error.exit === EXIT.changed ? error.message.replace(/; look at it again.*$/, '') : error.message
  return new Failure(`${said}; ${again}`, error.exit, error.code, error.status)
}
