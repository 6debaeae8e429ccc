// Makes the service as the files say: what would change, then does it.
import { type Command, Option } from 'commander'
import { readDeclared } from '../apply/documents.js'
import { type Executed, execute, type Step } from '../apply/execute.js'
import { type ApplyOptions, applyOptions, scopeOf } from '../apply/options.js'
import { type Action, isChange, planOf } from '../apply/plan.js'
import { readPlan } from '../apply/plan-file.js'
import { showPlan } from '../apply/show.js'
import type { Context } from '../context.js'
import { Failure, usage } from '../failure.js'
import { confirm } from '../input.js'
import {
  type MoveOptions,
  moveOptions,
  mustPromote,
  orderOf,
  type SecretsOptions,
  secretsOption,
  waitOf,
} from '../options.js'
import type { Output } from '../output/output.js'
import { progress } from '../output/progress.js'
import { showReceipt } from '../output/receipt.js'
import type { Service } from '../service/service.js'

const EXAMPLES = `
Examples:
  $ assistants apply -f assistants/ --reason "release 12" --wait
  $ assistants apply -f assistants/ --prune --yes
  $ assistants apply --plan plan.json
  $ assistants show Blog --json | jq '.name = "Copy of Blog" | del(.assistant_id)' | assistants apply -f - --owner copies

A file has one assistant or several (YAML documents, or a JSON list), with assistant_id, or with graph_id and name, of which
its id is then made. What it says takes the place of what there is; metadata is merged. What somebody changed between the
look and the deed is left as it is (exit code 4). A step that is refused does not hold the others up; nothing is
deleted when one was. Applied again, it changes nothing. It asks on a terminal; elsewhere, and with --json, it does not ask,
and needs --yes to delete.`

interface Options extends ApplyOptions, MoveOptions, SecretsOptions {
  readonly plan?: string
  readonly yes?: boolean
}

export function register(command: Command, context: Context): void {
  command.addHelpText('after', EXAMPLES).action((options: Options) => apply(context, options))
  applyOptions(command)
    .addOption(
      new Option('-p, --plan <file>', 'do what this plan says, as it is').conflicts([
        'file',
        'prune',
        'to',
        'environment',
        'owner',
        'promote',
      ]),
    )
    .option('-y, --yes', 'do not ask')
  moveOptions(secretsOption(command))
}

async function apply(context: Context, options: Options): Promise<void> {
  const { output } = context
  mustPromote(options)
  const service = await context.service()
  const actions = await actionsOf(output, service, options)
  const count = actions.filter(isChange).length
  if (output.mode !== 'json') await showPlan(output, actions)
  else for (const action of actions.filter((one) => !isChange(one))) await output.json(said(action))
  if (count === 0) return
  const asks = !options.yes && output.canAsk && output.mode === 'terminal'
  const deletions = actions.filter(({ action }) => action === 'delete').length
  if (deletions > 0 && !options.yes && !asks)
    throw usage(
      `nobody is there to be asked whether to delete ${deletions === 1 ? 'it' : `these ${deletions}`}: give --yes`,
    )
  if (asks && !(await confirm(context, `do ${count === 1 ? 'this' : `these ${count}`}?`)))
    throw new Failure('nothing was changed')
  const executed = await carriedOut(context, service, actions, options)
  context.exit(executed.exit)
  if (output.mode !== 'json') for (const step of executed.steps) await showWaited(output, service, step)
  conclude(output, executed)
}

async function actionsOf(output: Output, service: Service, options: Options): Promise<readonly Action[]> {
  if (options.plan !== undefined) return readPlan(options.plan, service.url)
  if (!options.file) throw usage('say what the service is to be like: -f assistants/, or --plan')
  const scope = scopeOf(options)
  const declared = await readDeclared(options.file)
  const bar = await progress(output, 'planning', { total: declared.length, unit: 'assistants' })
  return planOf(service, declared, scope, bar.update).finally(bar.stop)
}

async function carriedOut(
  { output }: Context,
  service: Service,
  actions: readonly Action[],
  options: Options,
): Promise<Executed> {
  const total = actions.filter(isChange).length
  const bar = await progress(output, 'applying', { total, unit: 'steps' })
  let count = 0
  try {
    return await execute(service, actions, orderOf(options), waitOf(options), async (step) => {
      count += 1
      bar.update(count)
      if (output.mode === 'json') await output.json({ ...said(step.action), ...outcomeOf(step) })
      else if (step.outcome !== 'done') output.note(`${step.action.name}: ${step.outcome}: ${step.error}`)
    })
  } finally {
    bar.stop()
  }
}

/** Of what was waited for, a row for each runner. */
async function showWaited(output: Output, service: Service, { action, ...step }: Step): Promise<void> {
  if (step.converged === undefined) return
  const { name, assistant_id: id } = action
  const environment = 'to' in action ? (action.to ?? undefined) : undefined
  await output.line(`${name}: version ${step.version} is in ${environment ?? 'live'}`)
  if (step.receipt === undefined || step.revision === undefined)
    return output.note('there is no receipt: the service has no view of the runners now')
  await showReceipt(output, service, { id, environment, revision: step.revision, receipt: step.receipt })
}

/** In a word, what became of it all. */
function conclude(output: Output, { steps }: Executed): void {
  const count = (outcome: Step['outcome']) => steps.filter((step) => step.outcome === outcome).length
  const lagging = steps.filter(({ converged }) => converged === false)
  const parts = [
    `${count('done')} done`,
    ...(count('failed') > 0 ? [`${count('failed')} failed`] : []),
    ...(count('not tried') > 0 ? [`${count('not tried')} not tried`] : []),
    ...(lagging.length > 0 ? [`not converged: ${lagging.map(({ action }) => action.name).join(', ')}`] : []),
  ]
  output.note(parts.join(', '))
}

const said = ({ action, assistant_id, name, graph_id, where }: Action) => ({
  action,
  assistant_id,
  name,
  graph_id,
  where,
})

const outcomeOf = ({ action: _, revision: __, ...step }: Step) => step
