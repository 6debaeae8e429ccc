// Which runner is on what, since when; who lags and who refused.
import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { EXIT, usage } from '../failure.js'
import { environmentOption } from '../options.js'
import { RUNNER_COLUMNS, type RunnerLine, runnersOf, standingIn } from '../output/receipt.js'
import type { Column } from '../output/table.js'
import { getStanding, listRunners, PAGE } from '../service/assistants.js'
import { assistantId } from '../service/naming.js'
import type { Service } from '../service/service.js'
import type { Runner, Standing } from '../service/shapes.js'
import { readTime } from '../time.js'

const EXAMPLES = `
Examples:
  $ assistants fleet                                   # the runners that are there
  $ assistants fleet Blog                              # who is on the version in live, who is not, and why
  $ assistants fleet Blog --environment staging --at "yesterday at 18:00"
  $ assistants fleet Blog --follow --json

Exit code 3 when the assistant's runners have not converged.`

/** How often what is followed is asked for. */
const EVERY_MS = 1_000

interface Options {
  readonly environment?: string
  readonly at?: string
  readonly gone?: boolean
  readonly follow?: boolean
}

export function register(command: Command, context: Context): void {
  command
    .argument('[assistant]', 'its id, its name or a graph; all runners when absent')
    .option('--at <time>', 'as it was: ISO, or "2 hours ago"')
    .option('--gone', 'also the runners that have left')
    .option('--follow', 'go on with every change, until Ctrl-C')
    .addHelpText('after', EXAMPLES)
    .action((meant: string | undefined, options: Options) => fleet(context, meant, options))
  environmentOption(command, 'the environment that is meant (live, or all for the runners)')
}

async function fleet(context: Context, meant: string | undefined, options: Options): Promise<void> {
  const { environment, at, gone, follow } = options
  if (follow && at !== undefined) throw usage('--follow goes on from now; --at is a time that was')
  if (meant === undefined && at !== undefined) throw usage('--at asks for an assistant')
  if (meant !== undefined && gone) throw usage('--gone is for the runners as such, without an assistant')
  const service = await context.service()
  if (meant === undefined) {
    const read = () => runnersIn(service, environment, gone ?? false)
    if (follow) return following(context, RUNNERS, read)
    return context.output.table(RUNNERS, await read())
  }
  const id = await assistantId(service, meant)
  const query = {
    ...(environment === undefined ? {} : { environment }),
    ...(at === undefined ? {} : { at: await readTime(at) }),
  }
  const read = async () => (await getStanding(service, id, query)).body
  if (follow) return following(context, RUNNER_COLUMNS, async () => runnersOf(await read()))
  await showStanding(context, await read())
}

async function showStanding(context: Context, standing: Standing): Promise<void> {
  const { output } = context
  if (!standing.converged) context.exit(EXIT.differs)
  if (output.mode === 'json') return output.json(standing)
  const { version, environment, promoted_by, reason, ref } = standing
  output.note(
    `version ${version} in ${environment}, by ${promoted_by.id}${promoted_by.verified ? '' : ' (unverified)'}${reason === undefined ? '' : `: ${reason}`}`,
  )
  output.note(`${ref}; ${standingIn(standing)}`)
  await output.table<RunnerLine>(RUNNER_COLUMNS, runnersOf(standing))
}

/** Every page of them. */
async function runnersIn(service: Service, environment: string | undefined, gone: boolean) {
  const all: Runner[] = []
  for (;;) {
    const { body } = await listRunners(service, { gone, limit: PAGE, offset: all.length })
    all.push(...body)
    if (body.length < PAGE) break
  }
  return environment === undefined ? all : all.filter((runner) => runner.environment === environment)
}

const RUNNERS: readonly Column<Runner>[] = [
  { head: 'RUNNER', of: ({ runner }) => runner, colour: (text, _, { cyan }) => cyan(text), shrinks: true },
  {
    head: 'STATE',
    of: ({ state }) => state,
    colour: (text, { state }, { green, yellow, dim }) =>
      state === 'live' ? green(text) : state === 'gone' ? dim(text) : yellow(text),
  },
  { head: 'FOR', of: ({ age_ms }) => age_ms, duration: true, align: 'right' },
  { head: 'ENVIRONMENT', of: ({ environment }) => environment },
  { head: 'GRAPHS', of: ({ graphs }) => graphs.join(','), shrinks: true },
  { head: 'BUILD', of: ({ build }) => build, shrinks: true },
  { head: 'SINCE', of: ({ since }) => since, time: true },
]

/** All of them first, then a line for each that is another than before; one that is gone is said so. */
async function following<Row extends { readonly runner: string; readonly state: string }>(
  { output, signal }: Context,
  columns: readonly Column<Row>[],
  read: () => Promise<readonly Row[]>,
): Promise<never> {
  const known = new Map<string, { row: Row; state: string }>()
  for (;;) {
    const rows = await read()
    const now = new Map(rows.map((row) => [keyOf(row), row]))
    const changed = rows.filter((row) => known.get(keyOf(row))?.state !== stateOf(row))
    const gone = [...known].flatMap(([key, { row }]) => (now.has(key) ? [] : [{ ...row, state: 'gone' }]))
    if (changed.length + gone.length > 0) await output.table(columns, [...changed, ...gone])
    known.clear()
    for (const [key, row] of now) known.set(key, { row, state: stateOf(row) })
    await pause(EVERY_MS, undefined, { signal })
  }
}

const keyOf = (row: { runner: string; instance?: string }) => `${row.runner}\n${row.instance ?? ''}`

/** What makes it another line: not how long it has been so. */
const stateOf = ({ state, ...row }: { state: string; since?: string; on?: string; reason?: string }) =>
  JSON.stringify([state, row.since, row.on, row.reason])
