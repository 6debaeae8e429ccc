// What promoting a version would do: what it would be answered, what would change, whom it would reach, and who would
// refuse it.
import { type Command, Option } from 'commander'
import type { Context } from '../context.js'
import { EXIT, usage } from '../failure.js'
import { environmentOption, integerFrom } from '../options.js'
import { showChanges } from '../output/difference.js'
import type { Output } from '../output/output.js'
import { type Foreseen, getImpact } from '../service/history.js'
import { assistantId } from '../service/naming.js'

const EXAMPLES = `
Examples:
  $ assistants impact Blog --version 4
  $ assistants impact Blog --from staging              # what promoting it to live would bring
  $ assistants impact Blog --version 4 --environment staging --json | jq .would_refuse

The service decides as it would decide the promotion, and appends nothing. Runners that would refuse are those that are
there and whose last word on the very same content was a refusal. Exit code 3 when something is in its way: the service
would refuse it, a runner would, or the schemas that those runners report do not allow it.`

interface Options {
  readonly version?: number
  readonly from?: string
  readonly environment?: string
}

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant>', 'its id, its name or a graph')
    .addOption(
      new Option('--version <n>', 'the version that would be promoted')
        .argParser(integerFrom(1))
        .conflicts('from'),
    )
    .option('--from <environment>', 'the version that this environment points to')
    .addHelpText('after', EXAMPLES)
    .action((meant: string, options: Options) => impact(context, meant, options))
  environmentOption(command, 'where it would be promoted to (live)')
}

async function impact(context: Context, meant: string, options: Options): Promise<void> {
  const { version, from, environment } = options
  if (version === undefined && from === undefined)
    throw usage('say what would be promoted: --version or --from')
  const { output } = context
  const service = await context.service()
  const id = await assistantId(service, meant)
  const { body } = await getImpact(service, id, {
    ...(version === undefined ? {} : { version }),
    ...(from === undefined ? {} : { from }),
    ...(environment === undefined ? {} : { environment }),
  })
  const { decision, would_refuse, violations } = body
  if (decision.type === 'refused' || would_refuse.length > 0 || violations.length > 0)
    context.exit(EXIT.differs)
  if (output.mode === 'json') return output.json(body)
  output.page()
  await show(output, body)
}

async function show(output: Output, foreseen: Foreseen): Promise<void> {
  const { environment, decision, changes, shown_in, reached, lost, would_refuse, violations } = foreseen
  const { bold, green, red, yellow, dim } = output.colours
  const to = bold(foreseen.to)
  switch (decision.type) {
    case 'promoted':
      await output.line(`${green('would be promoted')} to ${environment}: ${to}`)
      break
    case 'unchanged':
      await output.line(`${dim('would change nothing')}: ${environment} is on ${to} already`)
      break
    case 'refused':
      await output.line(`${red('would be refused')}: ${decision.refusal?.detail} (${decision.refusal?.code})`)
      break
    default:
      decision.type satisfies never
  }
  await output.line(foreseen.from === null ? `in place of nothing` : `in place of ${foreseen.from}`)
  const elsewhere = shown_in.filter((one) => one !== environment)
  if (elsewhere.length > 0) await output.line(`already in ${elsewhere.join(', ')}`)
  for (const line of await showChanges(changes, output.colours)) await output.line(`    ${line}`)
  await output.line(counted(reached, 'would get it'))
  if (lost.length > 0) await output.line(yellow(counted(lost, 'would lose the assistant with its graph')))
  for (const { runner, reason, at } of would_refuse)
    await output.line(red(`${runner} would refuse it, as it did at ${at}: ${reason}`))
  for (const violation of violations)
    await output.line(yellow(`the schema does not allow ${saidOf(violation)}`))
}

function counted(runners: readonly { readonly runner: string }[], what: string): string {
  if (runners.length === 0) return `no runner ${what}`
  const names = runners.map(({ runner }) => runner).join(', ')
  return `${runners.length} runner${runners.length === 1 ? '' : 's'} ${what}: ${names}`
}

function saidOf(violation: Foreseen['violations'][number]): string {
  const { pointer, message } = violation as { readonly pointer?: unknown; readonly message?: unknown }
  return `${pointer}: ${message}`
}
