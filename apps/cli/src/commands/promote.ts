// Points an environment to a version, or to the one that another environment points to.
import type { JsonObject } from '@assistant-ledger/assistant'
import { type Command, Option } from 'commander'
import type { Context } from '../context.js'
import { usage } from '../failure.js'
import {
  environmentOption,
  integerFrom,
  orderOf,
  secondsUpTo,
  type WaitOptions,
  type WriteOptions,
  waitOf,
  waitOption,
  waitSeconds,
  writeOptions,
} from '../options.js'
import { report, whileWaiting } from '../output/receipt.js'
import { promoteAssistant } from '../service/assistants.js'
import { assistantId } from '../service/naming.js'

const EXAMPLES = `
Examples:
  $ assistants promote Blog --from staging --wait
  $ assistants promote Blog --version 3 --environment staging
  $ assistants promote Blog --version 4 --within 5 --wait --reason "for spring"

With --within the service itself takes the promotion back when a runner refuses it, or when after that time too few are on
it. --wait then ends when it is decided.`

/** A guard may take a day. */
const LONGEST_GUARD_SECONDS = 86_400

interface Options extends WriteOptions, WaitOptions {
  readonly version?: number
  readonly from?: string
  readonly environment?: string
  readonly replaces?: number
  readonly within?: number
  readonly minActive?: string
  readonly onReject?: string
}

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant>', 'its id, its name or a graph')
    .addOption(
      new Option('--version <n>', 'the version to promote').argParser(integerFrom(1)).conflicts('from'),
    )
    .option('--from <environment>', 'the version that this environment points to')
    .option('--replaces <n>', 'only if the environment points to this version now', integerFrom(1))
    .addHelpText('after', EXAMPLES)
    .action((meant: string, options: Options) => promote(context, meant, options))
  environmentOption(command, 'the environment to move (live)')
  waitOption(command)
    .option(
      '--within <seconds>',
      'guard it: after this time enough runners are on it',
      secondsUpTo(LONGEST_GUARD_SECONDS),
    )
    .option('--min-active <percent>', 'how many are enough (100%)')
    .addOption(new Option('--on-reject <what>', 'when a runner refuses it').choices(['rollback', 'ignore']))
  writeOptions(command)
}

async function promote(context: Context, meant: string, options: Options): Promise<void> {
  const { version, from, environment, replaces } = options
  if (version === undefined && from === undefined) throw usage('say what to promote: --version or --from')
  const guard = guardOf(options)
  const service = await context.service()
  const id = await assistantId(service, meant)
  const seconds = waitSeconds(options)
  const answer = await whileWaiting(
    context,
    seconds,
    promoteAssistant(
      service,
      id,
      {
        ...(version === undefined ? {} : { version }),
        ...(from === undefined ? {} : { from }),
        ...(environment === undefined ? {} : { environment }),
        ...(replaces === undefined ? {} : { replaces }),
        ...(guard === undefined ? {} : { guard }),
        ...waitOf(options),
      },
      { ...orderOf(options), what: `promote ${meant}` },
    ),
  )
  await report(context, service, answer, {
    done: `${answer.body.name}: version ${answer.body.version} is in ${environment ?? 'live'}`,
    environment,
    waited: seconds !== undefined,
  })
}

function guardOf({ within, minActive, onReject }: Options): JsonObject | undefined {
  if (within === undefined) {
    if (minActive !== undefined || onReject !== undefined)
      throw usage('--min-active and --on-reject belong to a guard: give --within')
    return undefined
  }
  return {
    within_ms: Math.ceil(within * 1000),
    ...(minActive === undefined ? {} : { min_active: minActive.replace(/^(\d+)$/, '$1%') }),
    ...(onReject === undefined ? {} : { on_reject: onReject }),
  }
}
