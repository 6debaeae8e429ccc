// What promoting a version would do: what it would be answered, what would change, whom it would reach, and who would
// refuse it.
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { defined } from '../defined.js'
import { EXIT, usage } from '../failure.js'
import { environmentOption, type SourceOptions, sourceOptions } from '../options.js'
import { showChanges } from '../output/difference.js'
import { answerIn, isHeldUp, reachIn } from '../output/foreseen.js'
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

interface Options extends SourceOptions {
  readonly environment?: string
}

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant>', 'its id, its name or a graph')
    .addHelpText('after', EXAMPLES)
    .action((meant: string, options: Options) => impact(context, meant, options))
  sourceOptions(command, 'that would be promoted')
  environmentOption(command, 'where it would be promoted to (live)')
}

async function impact(context: Context, meant: string, options: Options): Promise<void> {
  const { version, from, environment } = options
  if (version === undefined && from === undefined)
    throw usage('say what would be promoted: --version or --from')
  const { output } = context
  const service = await context.service()
  const id = await assistantId(service, meant)
  const { body } = await getImpact(service, id, defined({ version, from, environment }))
  if (isHeldUp(body)) context.exit(EXIT.differs)
  if (output.mode === 'json') return output.json(body)
  output.page()
  await show(output, body)
}

async function show(output: Output, foreseen: Foreseen): Promise<void> {
  const { environment, from, changes, shown_in } = foreseen
  const { colours } = output
  await output.sentence(answerIn(foreseen, colours))
  await output.sentence(`in place of ${from ?? 'nothing'}`)
  const elsewhere = shown_in.filter((one) => one !== environment)
  if (elsewhere.length > 0) await output.sentence(`already in ${elsewhere.join(', ')}`)
  for (const line of await showChanges(changes, colours)) await output.line(`    ${line}`)
  for (const line of reachIn(foreseen, colours)) await output.sentence(line)
}
