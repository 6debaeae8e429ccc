// What would change in the service if it were as the files say. Nothing is written.
import type { Command } from 'commander'
import { readDeclared } from '../apply/documents.js'
import { type ApplyOptions, applyOptions, scopeOf } from '../apply/options.js'
import { isChange, planOf } from '../apply/plan.js'
import { writePlan } from '../apply/plan-file.js'
import { printed, showPlan } from '../apply/show.js'
import type { Context } from '../context.js'
import { EXIT, usage } from '../failure.js'
import { progress } from '../output/progress.js'

const EXAMPLES = `
Examples:
  $ assistants plan -f assistants/
  $ assistants plan -f assistants/ --out plan.json      # look at it, then: assistants apply --plan plan.json
  $ assistants plan -f assistants/ --json | jq 'select(.action != "none")'

Exit code 0: the service is as the files say; 3: it is not, so that nothing follows with &&. What the service would refuse is
said: an unknown graph, what looks like a secret, what a schema does not allow; and which names are there already.`

interface Options extends ApplyOptions {
  readonly out?: string
}

export function register(command: Command, context: Context): void {
  command.addHelpText('after', EXAMPLES).action((options: Options) => plan(context, options))
  applyOptions(command).option('-o, --out <file>', 'keep the plan, for apply --plan')
}

async function plan(context: Context, options: Options): Promise<void> {
  const { output } = context
  if (!options.file) throw usage('say what the service is to be like: -f assistants/')
  const scope = scopeOf(options)
  const declared = await readDeclared(options.file)
  const service = await context.service()
  const bar = await progress(output, 'planning', { total: declared.length, unit: 'assistants' })
  const actions = await planOf(service, declared, scope, bar.update).finally(bar.stop)
  if (options.out !== undefined) await writePlan(options.out, service.url, actions)
  if (actions.some(isChange)) context.exit(EXIT.differs)
  output.page()
  if (output.mode === 'json') for (const action of actions) await output.json(printed(action))
  else await showPlan(output, actions)
}
