// Takes an environment back to the version that was there before.
import type { Command } from 'commander'
import type { Context } from '../context.js'
import {
  environmentOption,
  integerFrom,
  orderOf,
  type WaitOptions,
  type WriteOptions,
  waitOf,
  waitOption,
  waitSeconds,
  writeOptions,
} from '../options.js'
import { report, whileWaiting } from '../output/receipt.js'
import { rollBackAssistant } from '../service/assistants.js'
import { assistantId } from '../service/naming.js'

const EXAMPLES = `
Examples:
  $ assistants rollback Blog --reason "it forgets the links" --wait
  $ assistants rollback Blog --environment staging
  $ assistants rollback Blog --replaces 4             # only if version 4 is still there`

interface Options extends WriteOptions, WaitOptions {
  readonly environment?: string
  readonly replaces?: number
}

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant>', 'its id, its name or a graph')
    .option('--replaces <n>', 'only if the environment points to this version now', integerFrom(1))
    .addHelpText('after', EXAMPLES)
    .action((meant: string, options: Options) => rollBack(context, meant, options))
  environmentOption(command, 'the environment to take back (live)')
  writeOptions(waitOption(command))
}

async function rollBack(context: Context, meant: string, options: Options): Promise<void> {
  const { environment, replaces } = options
  const service = await context.service()
  const id = await assistantId(service, meant)
  const seconds = waitSeconds(options)
  const answer = await whileWaiting(
    context,
    seconds,
    rollBackAssistant(
      service,
      id,
      {
        ...(environment === undefined ? {} : { environment }),
        ...(replaces === undefined ? {} : { replaces }),
        ...waitOf(options),
      },
      { ...orderOf(options), what: `rollback ${meant}` },
    ),
  )
  await report(context, service, answer, {
    done: `${answer.body.name}: version ${answer.body.version} is in ${environment ?? 'live'} again`,
    environment,
    waited: seconds !== undefined,
  })
}
