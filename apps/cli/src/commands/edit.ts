// Changes an assistant in the person's editor: text, difference and impact, reason, version, receipt.
import { type Command, Option } from 'commander'
import { applied, patchBetween, readText, type Written } from '../content.js'
import type { Context } from '../context.js'
import { checkEditor, type Edited, edited, Manuscript } from '../editor.js'
import { EXIT, Failure, usage } from '../failure.js'
import { reach } from '../impact.js'
import { ask } from '../input.js'
import {
  environmentOption,
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
import {
  type Assistant,
  type Content,
  listEnvironments,
  revisionOf,
  updateAssistant,
} from '../service/assistants.js'
import { assistantMeant } from '../service/naming.js'
import type { Service } from '../service/service.js'

const EXAMPLES = `
Examples:
  $ assistants edit Blog
  $ assistants edit Blog --to staging --reason "shorter posts"
  $ EDITOR='code --wait' assistants edit Blog
  $ assistants edit Blog --file kept.yaml              # go on with a text that could not be saved

The editor is $VISUAL, $EDITOR or vi. A text that is left as it was, or empty, changes nothing, and so does an empty reason.
What somebody else changed meanwhile is not overwritten: the text is then kept in a file, which the error names.`

interface Options extends WriteOptions {
  readonly environment?: string
  readonly file?: string
  /** False with --no-promote. */
  readonly promote: boolean
  readonly to?: string
  /** False with --no-wait. */
  readonly wait?: number | boolean
}

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant>', 'its id, its name or a graph')
    .option('-f, --file <file>', 'begin with this text instead of the present content')
    .addHelpText('after', EXAMPLES)
    .action((meant: string, options: Options) => edit(context, meant, options))
  environmentOption(command, 'begin with what this environment shows (live)')
    .addOption(new Option('--to <environment>', 'the environment that the new version goes to'))
    .addOption(new Option('--no-promote', 'leave the new version out of all environments').conflicts('to'))
  waitOption(command).option('--no-wait', 'do not wait for the runners')
  writeOptions(command)
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
  const text = await edited(context, manuscript, (written) => wantedOf(shown.body, written))
  const patch = text && patchBetween(live.body, text.wanted)
  if (text === undefined || patch === undefined) {
    await manuscript.discard()
    return output.note('nothing was changed')
  }
  try {
    await save(context, service, live, { shown: shown.body, text, meant, options, patch })
    await manuscript.discard()
  } catch (error) {
    throw kept(error, manuscript, meant, context)
  }
}

interface Saving {
  readonly shown: Assistant
  readonly text: Edited
  readonly meant: string
  readonly options: Options
  readonly patch: NonNullable<ReturnType<typeof patchBetween>>
}

async function save(
  context: Context,
  service: Service,
  live: Awaited<ReturnType<typeof assistantMeant>>,
  { shown, text, meant, options, patch }: Saving,
): Promise<void> {
  const { output } = context
  const id = live.body.assistant_id
  const changes = await changesBetween(shown, text.wanted)
  if (output.mode !== 'json')
    for (const line of await showChanges(changes, output.colours)) await output.line(line)
  const to = await placeFor(context, service, id, options)
  if (to !== undefined) for (const line of await reach(service, live.body, text.wanted, to)) output.note(line)
  const reason = options.reason ?? (await ask(context, 'reason (empty: change nothing): '))
  if (!reason) throw new Failure('no reason was given, and nothing was changed')
  const waits: WaitOptions =
    to === undefined || options.wait === false
      ? {}
      : { wait: options.wait === undefined ? true : options.wait }
  const seconds = waitSeconds(waits)
  const revision = revisionOf(live)
  const answer = await whileWaiting(
    context,
    seconds,
    updateAssistant(
      service,
      id,
      patch,
      { ...(to === undefined ? { promote: false } : { promote_to: to }), ...waitOf(waits) },
      {
        ...orderOf({ ...options, reason }),
        what: `edit ${meant}`,
        ...(revision === undefined ? {} : { ifMatch: revision }),
      },
    ),
  )
  await report(context, service, answer, {
    done: `${answer.body.name}: version ${answer.body.version} ${to === undefined ? 'is in no environment yet' : `is in ${to}`}`,
    environment: to,
    waited: seconds !== undefined,
  })
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
