// Points an environment to a version, or to the one that another environment points to.
import type { JsonObject } from '@assistant-ledger/assistant'
import { type Command, Option } from 'commander'
import type { Context } from '../context.js'
import { defined } from '../defined.js'
import { usage } from '../failure.js'
import {
  environmentOption,
  type MoveOptions,
  moveOptions,
  replacesOption,
  type SourceOptions,
  secondsUpTo,
  sourceOptions,
  waitSeconds,
} from '../options.js'
import { move } from '../order.js'
import { listEnvironments, promoteAssistant } from '../service/assistants.js'
import { assistantId } from '../service/naming.js'
import type { Service } from '../service/service.js'

const EXAMPLES = `
Examples:
  $ assistants promote Blog --from staging --wait
  $ assistants promote Blog --version 3 --environment staging
  $ assistants promote Blog --version 4 --within 5 --wait --reason "for spring"

With --within the service itself takes the promotion back when a runner refuses it, or when after that time too few are on
it. --wait then ends when it is decided.`

/** A guard may take a day. */
const LONGEST_GUARD_SECONDS = 86_400

interface Options extends MoveOptions, SourceOptions {
  readonly environment?: string
  readonly replaces?: number
  readonly within?: number
  readonly minActive?: string
  readonly onReject?: string
}

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant>', 'its id, its name or a graph')
    .addHelpText('after', EXAMPLES)
    .action((meant: string, options: Options) => promote(context, meant, options))
  sourceOptions(command, 'to promote')
  environmentOption(command, 'the environment to move (live)')
  replacesOption(command)
    .option(
      '--within <seconds>',
      'guard it: after this time enough runners are on it',
      secondsUpTo(LONGEST_GUARD_SECONDS),
    )
    .option('--min-active <percent>', 'how many are enough (100%)')
    .addOption(new Option('--on-reject <what>', 'when a runner refuses it').choices(['rollback', 'ignore']))
  moveOptions(command)
}

async function promote(context: Context, meant: string, options: Options): Promise<void> {
  const { version, from, environment, replaces, within } = options
  if (version === undefined && from === undefined) throw usage('say what to promote: --version or --from')
  const guard = guardOf(options)
  const service = await context.service()
  const id = await assistantId(service, meant)
  const there = await pointersOf(service, id)
  const before = there(environment ?? 'live')
  const wasThere = before !== undefined && before === (version ?? (from && there(from)))
  await move(context, service, options, {
    what: `promote ${meant}`,
    environment,
    send: (wait, order) =>
      promoteAssistant(
        service,
        id,
        { ...defined({ version, from, environment, replaces, guard }), ...wait },
        order,
      ),
    done: ({ name, version }) =>
      wasThere
        ? `${name}: version ${version} was in ${environment ?? 'live'} already, and nothing changed`
        : `${name}: version ${version} is in ${environment ?? 'live'}`,
  })
  if (within === undefined || waitSeconds(options) !== undefined) return
  const named = /^[\w.-]+$/.test(meant) ? meant : JSON.stringify(meant)
  context.output.note(
    `it is guarded for ${within} s, and taken back where that fails: assistants log ${named} shows it then`,
  )
}

/** Where environments point to, as far as the caller may know. */
async function pointersOf(
  service: Service,
  id: string,
): Promise<(environment: string) => number | undefined> {
  const pointers = await listEnvironments(service, id).catch(() => undefined)
  return (name) => pointers?.body.find(({ environment }) => environment === name)?.version ?? undefined
}

function guardOf({ within, minActive, onReject }: Options): JsonObject | undefined {
  if (within === undefined) {
    if (minActive !== undefined || onReject !== undefined)
      throw usage('--min-active and --on-reject belong to a guard: give --within')
    return undefined
  }
  return defined({
    within_ms: Math.ceil(within * 1000),
    min_active: minActive?.replace(/^(\d+)$/, '$1%'),
    on_reject: onReject,
  })
}
