// An old content again, as a new version: of one assistant, or of a set at once. Nothing recorded is ever written anew.
import { type Command, Option } from 'commander'
import type { Context } from '../context.js'
import { defined } from '../defined.js'
import { EXIT, type ExitCode, Failure, usage } from '../failure.js'
import { confirm, reasonOf } from '../input.js'
import {
  environmentOption,
  type MoveOptions,
  moveOptions,
  mustPromote,
  orderOf,
  waitOf,
  waitSeconds,
} from '../options.js'
import { showChanges } from '../output/difference.js'
import { whileWaiting } from '../output/receipt.js'
import { POINT_HELP, readPoint } from '../point.js'
import {
  type Ended,
  exitOf,
  isToDo,
  notTried,
  planned,
  type Reverted,
  type Reverting,
  revert,
} from '../revert.js'

const EXAMPLES = `
Examples:
  $ assistants revert Blog --to 3 --reason "the new prompt rambles" --wait
  $ assistants revert Blog News Digest --to "2 hours ago" --yes
  $ assistants revert Blog --to 1.7 --promote-to staging   # as it was in its first life
  $ assistants revert Blog --to "yesterday at 18:00" --no-promote

${POINT_HELP}
It makes a new version of the one in live, with the content that was then, and shows the difference first; where live has that
content already, --promote-to promotes it. To go back to the version before, without a new one: assistants rollback. Metadata is merged, so keys that came since stay, and are named.
What somebody changed between the look and the deed is left as it is (exit code 4); one that fails does not hold up the others.`

interface Options extends MoveOptions {
  readonly to: string
  readonly environment?: string
  readonly yes?: boolean
  /** False with --no-promote. */
  readonly promote: boolean
  readonly promoteTo?: string
}

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant...>', 'their ids, names or graphs')
    .requiredOption('--to <point>', 'the version, or the time, whose content is to be there again')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', EXAMPLES)
    .action((meant: readonly string[], options: Options) => run(context, meant, options))
  environmentOption(command, 'what a time or a position means, and where the new versions go (live)')
    .addOption(new Option('--promote-to <environment>', 'where the new versions go, where that is another'))
    .addOption(
      new Option('--no-promote', 'leave the new versions out of all environments').conflicts('promoteTo'),
    )
  moveOptions(command)
}

async function run(context: Context, meant: readonly string[], options: Options): Promise<void> {
  const { output } = context
  const { promote, environment, promoteTo = environment } = options
  const seconds = waitSeconds(options)
  mustPromote(options)
  if (!options.yes && !output.canAsk) throw usage('nobody is there to be asked whether to revert: give --yes')
  const point = await readPoint(options.to)
  const service = await context.service()
  // Found out for all before anything is done to one.
  const plans: Reverting[] = []
  for (const one of meant) {
    const plan = await planned(service, one, point, environment, promote ? promoteTo : undefined)
    if (!plans.some(({ assistant_id }) => assistant_id === plan.assistant_id)) plans.push(plan)
  }
  if (output.mode !== 'json') for (const plan of plans) await showPlan(context, plan)
  const toDo = plans.filter(isToDo)
  if (!options.yes && toDo.length > 0 && !(await confirm(context, questionOf(toDo))))
    throw new Failure('nothing was changed')
  const reason = toDo.length > 0 ? await reasonOf(context, options) : options.reason
  const place = promote ? { promote_to: promoteTo ?? 'live' } : { promote: false }
  const exits: ExitCode[] = []
  let isOver = false
  for (const plan of plans) {
    const { told, exit, endsAll }: Ended = isOver
      ? { told: notTried(plan), exit: EXIT.failed, endsAll: true }
      : await whileWaiting(
          context,
          seconds,
          revert(
            service,
            plan,
            { ...place, ...waitOf(options) },
            orderOf({ ...options, ...defined({ reason }) }),
          ),
        )
    isOver = endsAll
    exits.push(exit)
    await report(context, told, promote ? `in ${promoteTo ?? 'live'}` : 'in no environment yet')
  }
  context.exit(exitOf(exits))
}

function questionOf(toDo: readonly Reverting[]): string {
  const count = toDo.length
  // Of some, live may have the content already.
  if (toDo.some(({ promotes }) => promotes !== undefined))
    return count === 1 ? 'promote it?' : `do these ${count}?`
  return count === 1 ? 'make this version?' : `make these ${count} versions?`
}

async function showPlan({ output }: Context, { name, target, changes, left }: Reverting): Promise<void> {
  const { bold, dim, yellow } = output.colours
  await output.line(`${bold(name)} ${dim(`to ${target}`)}`)
  for (const line of await showChanges(changes, output.colours)) await output.line(`    ${line}`)
  if (changes.length === 0) await output.line('    no difference')
  for (const field of left) await output.line(yellow(`    ${field} stays: an update does not take it away`))
}

async function report({ output }: Context, reverted: Reverted, place: string): Promise<void> {
  if (output.mode === 'json') return output.json(reverted)
  const { name, outcome, version, error, converged } = reverted
  if (error !== undefined) output.note(`${name}: ${outcome}: ${error}`)
  else if (outcome === 'unchanged') await output.line(`${name}: like that already`)
  else await output.line(`${name}: version ${version} is ${place}`)
  if (converged === false) output.note(`${name}: not converged; assistants fleet shows who is not on it`)
}
