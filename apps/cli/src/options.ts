// Options that several commands have, with one wording and one check.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { defined } from './defined.js'
import { usage } from './failure.js'

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
    new Option('-n, --limit <count>', 'how many at most, or all')
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

/** What every command that sends a content has, too. */
export interface SecretsOptions {
  readonly allowSecrets?: boolean
}

export const secretsOption = (command: Command): Command =>
  command.option('--allow-secrets', 'record what looks like a secret all the same; --reason says why')

/** The headers that these options become. */
export const orderOf = ({ reason, idempotencyKey, allowSecrets }: WriteOptions & SecretsOptions) =>
  defined({
    reason,
    key: idempotencyKey,
    headers: allowSecrets ? { 'X-Allow-Secrets': 'true' } : undefined,
  })

export const environmentOption = (command: Command, what: string): Command =>
  command.option('-e, --environment <environment>', what)

/** Seconds that a command waits for the runners when it is not said how many. */
const WAIT_SECONDS = 10
/** What the service allows. */
const MOST_WAIT_SECONDS = 300

export interface WaitOptions {
  /** True without a number. */
  readonly wait?: number | true
}

export const waitOption = (command: Command): Command =>
  command.addOption(
    new Option(
      '-w, --wait [seconds]',
      `wait until every runner is on it (${WAIT_SECONDS}); exit code 3 when they are not`,
    ).argParser(secondsUpTo(MOST_WAIT_SECONDS)),
  )

/** @returns undefined where nothing is waited for */
export const waitSeconds = ({ wait }: WaitOptions): number | undefined =>
  wait === true ? WAIT_SECONDS : wait

/** As the fields of a request. */
export const waitOf = (options: WaitOptions): { wait?: 'converged'; wait_ms?: number } => {
  const seconds = waitSeconds(options)
  return seconds === undefined ? {} : { wait: 'converged', wait_ms: Math.ceil(seconds * 1000) }
}

/** What every command that moves an environment has. */
export interface MoveOptions extends WriteOptions, WaitOptions {}

export const moveOptions = (command: Command): Command => writeOptions(waitOption(command))

/** Where a new version goes. */
export interface PlaceOptions {
  readonly to?: string
  /** False with --no-promote. */
  readonly promote: boolean
}

/** With `--environment` for `--to`, as other commands have it. */
export const placeOptions = (command: Command, to: string, none: string): Command =>
  toOptions(environmentOption(command, to), 'the same as --environment', none).hook('preAction', (_, run) => {
    const { environment, to } = run.opts<{ environment?: string; to?: string }>()
    if (environment === undefined) return
    if (to !== undefined && to !== environment) throw usage('--to and --environment are one thing: give one')
    run.setOptionValue('to', environment)
  })

/** Of a command whose `--environment` means more. */
export const toOptions = (command: Command, to: string, none: string): Command =>
  command
    .option('--to <environment>', to)
    .addOption(new Option('--no-promote', none).conflicts(['to', 'environment']))

/** Nobody is waited for where no environment moves. @throws Failure */
export function mustPromote(options: WaitOptions & Pick<PlaceOptions, 'promote'>): void {
  if (!options.promote && waitSeconds(options) !== undefined)
    throw usage('--wait waits for the runners of an environment; with --no-promote there is none')
}

export const replacesOption = (command: Command): Command =>
  command.option('--replaces <n>', 'only if the environment points to this version now', integerFrom(1))

/** What is promoted: a version, or the one that an environment points to. */
export interface SourceOptions {
  readonly version?: number
  readonly from?: string
}

/** @param what is done to it, `to promote` */
export const sourceOptions = (command: Command, what: string): Command =>
  command
    .addOption(new Option('--version <n>', `the version ${what}`).argParser(integerFrom(1)).conflicts('from'))
    .option('--from <environment>', 'the version that this environment points to')

export const secondsUpTo =
  (most: number) =>
  (text: string): number => {
    const seconds = Number(text)
    if (!(seconds > 0 && seconds <= most))
      throw new InvalidArgumentError(`It must be a number of seconds, at most ${most}.`)
    return seconds
  }

/** An option that may be there several times. */
export const collected = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
]

/** How a content is given. */
export interface ContentOptions {
  readonly file?: string
  readonly name?: string
  readonly description?: string
  readonly graph?: string
  readonly set?: readonly string[]
  readonly setFile?: readonly string[]
  readonly unset?: readonly string[]
}

export const contentOptions = (command: Command): Command =>
  command
    .option('-f, --file <file>', 'the content, YAML or JSON; - is the standard input')
    .option('--description <text>', 'what it is for')
    .option('-g, --graph <graph>', 'the graph that it configures')
    .option('-s, --set <path=value>', 'one place, such as context.model=sample-deep', collected)
    .option('--set-file <path=file>', 'one place, from a file: context.prompt=prompt.txt', collected)
