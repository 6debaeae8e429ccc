// Options that several commands have, with one wording and one check.
import { type Command, InvalidArgumentError, Option } from 'commander'

/** A number of at least that. */
export const integerFrom =
  (least: number) =>
  (text: string): number => {
    const number = Number(text)
    if (!/^\d{1,15}$/.test(text) || number < least)
      throw new InvalidArgumentError(`It must be a whole number from ${least}.`)
    return number
  }

export const limitOption = (command: Command, normal: number): Command =>
  command.addOption(
    new Option('-n, --limit <count>', `how many at most, or all (${normal})`)
      .argParser((text) => (text === 'all' ? Number.POSITIVE_INFINITY : integerFrom(1)(text)))
      .default(normal, String(normal)),
  )

const SORTS = ['updated_at', 'created_at', 'name', 'graph_id', 'assistant_id']

export const sortOptions = (command: Command): Command =>
  command
    .addOption(new Option('--sort <field>', 'what to sort by').choices(SORTS).default('updated_at'))
    .addOption(new Option('--order <order>', 'which way').choices(['asc', 'desc']))

/** What every command that writes has. */
export interface WriteOptions {
  readonly reason?: string
  readonly idempotencyKey?: string
}

export const writeOptions = (command: Command): Command =>
  command
    .option('-r, --reason <text>', 'why, recorded for good')
    .option('--idempotency-key <key>', 'the key of this command, to send it again later')

/** The headers that these options become. */
export const orderOf = ({ reason, idempotencyKey }: WriteOptions) => ({
  ...(reason === undefined ? {} : { reason }),
  ...(idempotencyKey === undefined ? {} : { key: idempotencyKey }),
})

export const environmentOption = (command: Command, what: string): Command =>
  command.option('-e, --environment <environment>', what)
