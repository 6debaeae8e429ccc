// Which runner is on what, since when; who lags and who refused.
import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { EXIT, usage } from '../failure.js'
import { environmentOption } from '../options.js'
import type { Output } from '../output/output.js'
import { RUNNER_COLUMNS, type RunnerLine, runnersOf, standingIn } from '../output/receipt.js'
import type { Column, Layout } from '../output/table.js'
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
    const runners = await read()
    await context.output.table(gone ? [...RUNNERS, ...LEFT] : RUNNERS, runners)
    if (runners.length === 0) context.output.note(noneIn(environment))
    return
  }
  const id = await assistantId(service, meant)
  const query = {
    ...(environment === undefined ? {} : { environment }),
    ...(at === undefined ? {} : { at: await readTime(at) }),
  }
  const read = async () => (await getStanding(service, id, query)).body
  if (follow) return following(context, STANDING_COLUMNS, async () => linesOf(await read()))
  const standing = await read()
  const unheard = at === undefined ? await unheardOf(service, standing) : []
  await showStanding(context, standing, unheard)
}

const noneIn = (environment: string | undefined): string =>
  `no runner ${environment === undefined ? 'is there' : `of ${environment} is there`}; assistants doctor langgraph.json says what makes your worker one`

/** Those that are on it by what is recorded, and of which the service has heard nothing since it started. */
async function unheardOf(service: Service, { environment, active }: Standing): Promise<readonly string[]> {
  if (active.length === 0) return []
  const all = await runnersIn(service, environment, false)
  const unheard = new Set(all.filter(({ state }) => state === 'unheard').map(({ runner }) => runner))
  return active.flatMap(({ runner }) => (unheard.has(runner) ? [runner] : []))
}

/** A line for each runner as it is followed: when it was so, and of which version. */
interface StandingLine extends RunnerLine {
  readonly at: string
  readonly version: number
}

function linesOf(standing: Standing): StandingLine[] {
  const at = now()
  return runnersOf(standing).map((line) => ({ ...line, at, version: standing.version }))
}

/** ISO 8601 to the second. */
const now = (): string => new Date().toISOString().replace(/\.\d+/, '')

const STANDING_COLUMNS: readonly Column<StandingLine>[] = [
  { head: 'TIME', of: ({ at }) => at, least: 20 },
  { head: 'VERSION', of: ({ version }) => version, align: 'right' },
  ...RUNNER_COLUMNS,
]

/** @param unheard of those that are on it */
async function showStanding(context: Context, standing: Standing, unheard: readonly string[]): Promise<void> {
  const { output } = context
  if (!standing.converged || unheard.length > 0) context.exit(EXIT.differs)
  if (output.mode === 'json') return output.json(standing)
  const { version, environment, promoted_by, reason, ref } = standing
  output.note(
    `version ${version} in ${environment}, by ${promoted_by.id}${promoted_by.verified ? '' : ' (unverified)'}${reason === undefined ? '' : `: ${reason}`}`,
  )
  output.note(`${ref}; ${standingIn(standing)}`)
  await output.table<RunnerLine>(RUNNER_COLUMNS, runnersOf(standing))
  if (unheard.length > 0) tellUnheard(output, unheard)
}

function tellUnheard(output: Output, unheard: readonly string[]): void {
  const { yellow } = output.noteColours
  output.note(yellow(`by what is recorded; not heard of since the service started: ${unheard.join(', ')}`))
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

const LEFT: readonly Column<Runner>[] = [
  { head: 'LEFT', of: ({ gone }) => gone?.at, time: true },
  { head: 'WHY', of: ({ gone }) => gone?.reason, wraps: true },
]

/** All of them first, then a line for each that is another than before; one that is gone is said so. */
async function following<Row extends Followed>(
  { output, signal }: Context,
  columns: readonly Column<Row>[],
  read: () => Promise<readonly Row[]>,
): Promise<never> {
  const known = new Map<string, { row: Row; state: string }>()
  const layout: Layout = {}
  let heads = true
  for (;;) {
    const rows = await read()
    const present = new Map(rows.map((row) => [keyOf(row), row]))
    const changed = rows.filter((row) => known.get(keyOf(row))?.state !== stateOf(row))
    const at = now()
    const gone = [...known].flatMap(([key, { row }]) =>
      present.has(key) ? [] : [{ ...row, at, state: 'gone' }],
    )
    const lines = [...changed, ...gone]
    if (lines.length > 0) {
      await output.table(columns, lines, { heads, layout })
      heads = false
    }
    known.clear()
    for (const [key, row] of present) known.set(key, { row, state: stateOf(row) })
    await pause(EVERY_MS, undefined, { signal })
  }
}

interface Followed {
  readonly runner: string
  readonly state: string
  readonly version?: number
  readonly since?: string
  readonly on?: string
  readonly reason?: string
}

const keyOf = (row: { runner: string; instance?: string }) => `${row.runner}\n${row.instance ?? ''}`

/** What makes it another line: not how long it has been so. */
const stateOf = ({ state, ...row }: Followed) =>
  JSON.stringify([state, row.version, row.since, row.on, row.reason])
