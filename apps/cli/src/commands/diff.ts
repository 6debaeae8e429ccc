// What differs between two points of an assistant's life.
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { environmentOption } from '../options.js'
import { showChanges } from '../output/difference.js'
import type { Output } from '../output/output.js'
import { POINT_HELP, readPoint } from '../point.js'
import { type AtPoint, getDiff } from '../service/history.js'
import { assistantId } from '../service/naming.js'
import { relative } from '../time.js'

const EXAMPLES = `
Examples:
  $ assistants diff Blog 2 3
  $ assistants diff Blog live staging                  # what promoting it would bring
  $ assistants diff Blog "2 hours ago"                 # since then
  $ assistants diff Blog 1.4 1 --json                  # the life before it was deleted, and this one
  $ assistants diff Blog @4711 @4800 --environment staging

${POINT_HELP} The second one is live when absent.
Texts are compared word by word; where there are no colours, what went is [-so-] and what came {+so+}.`

interface Options {
  readonly environment?: string
}

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant>', 'its id, its name or a graph')
    .argument('<a>', 'a point')
    .argument('[b]', 'another point (live)')
    .addHelpText('after', EXAMPLES)
    .action((meant: string, a: string, b: string | undefined, options: Options) =>
      diff(context, meant, [a, b ?? 'live'], options),
    )
  environmentOption(command, 'the environment that times and positions mean (live)')
}

async function diff(
  context: Context,
  meant: string,
  [a, b]: readonly [string, string],
  { environment }: Options,
): Promise<void> {
  const { output } = context
  const [from, to] = [await readPoint(a), await readPoint(b)]
  const service = await context.service()
  const id = await assistantId(service, meant, { orGone: true })
  const { body } = await getDiff(service, id, {
    from,
    to,
    ...(environment === undefined ? {} : { environment }),
  })
  if (output.mode === 'json') return output.json(body)
  if (body.changes.length === 0)
    return output.note(
      `no difference: version ${named(body.from)} and version ${named(body.to)} say the same`,
    )
  output.page()
  const { red, green } = output.colours
  await output.line(red(`--- ${headOf(body.from, output)}`))
  await output.line(green(`+++ ${headOf(body.to, output)}`))
  for (const line of await showChanges(body.changes, output.colours)) await output.line(line)
}

const named = ({ generation, version }: AtPoint) => `${generation}.${version}`

/** Which version it is, by whom, when and why. */
function headOf(of: AtPoint, { mode }: Output): string {
  const when = mode === 'terminal' ? relative(of.at) : of.at
  const why = of.reason === undefined ? '' : `: ${of.reason.replaceAll(/\s+/g, ' ')}`
  return `version ${named(of)} (${of.actor.id}, ${when}${why})`
}
