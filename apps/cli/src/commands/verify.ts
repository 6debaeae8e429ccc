// Proves that the log was not altered, and that what is made of it agrees with it. It reads the log itself: the service is
// asked for nothing but its key, where nobody names one.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bus, Difference, PartReport, VerifyReport } from '@assistant-ledger/audit'
import type { LogForReading } from '@assistant-ledger/event-log'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Context } from '../context.js'
import { EXIT, Failure } from '../failure.js'
import { type LogOptions, logOptions, openLog } from '../log-place.js'
import { integerFrom } from '../options.js'
import { progress } from '../output/progress.js'
import type { Column } from '../output/table.js'
import { runningNats } from '../running.js'

const EXAMPLES = `
Examples:
  $ assistants verify --data-dir data                        # all of an embedded installation, while it runs
  $ assistants verify --data-dir data --runners              # and what the runners kept
  $ assistants verify --data-dir data --only log --trusted-key ledger-signing-key.pub.pem
  $ assistants verify --eventstore-url esdb://db:2113 --database-url postgres://db/ledger --nats-url nats://bus:4222

NATS is where NATS_URL, NATS_USER and NATS_PASSWORD say, or --nats-url. Without --trusted-key the key beside the log is
trusted, or else the one that the service names: copy it once to where nobody who can write the log can write, and name it.

Exit code 0 only when all agrees; 3 when something differs.`

const WHAT = ['log', 'read-model', 'bus'] as const
/** What the table calls them, too. */
const PART_OF: Readonly<Record<string, (typeof WHAT)[number]>> = {
  checkpoints: 'log',
  bucket: 'bus',
  feed: 'bus',
}
const RUNNERS_SECONDS = 12
const PUBLIC_KEY_FILE = 'ledger-signing-key.pub.pem'

interface Options extends LogOptions {
  readonly only?: readonly (typeof WHAT)[number][]
  readonly databaseUrl?: string
  readonly natsUrl?: string
  readonly trustedKey?: readonly string[]
  readonly runners?: number | true
  readonly workDir?: string
}

export function register(command: Command, context: Context): void {
  logOptions(command)
  command
    .addOption(
      new Option('--only <what...>', 'not all of it: the log, the read model, bucket and feed')
        .choices([...WHAT, ...Object.keys(PART_OF)])
        .argParser(onlyIn),
    )
    .option('--database-url <url>', "the service's PostgreSQL (DATABASE_URL)")
    .option('--nats-url <url>', "the service's NATS (NATS_URL)")
    .option(
      '--trusted-key <file...>',
      'public keys whose checkpoints are believed, as PEM; a file may have several',
    )
    .addOption(
      new Option(
        '--runners [seconds]',
        `listen so long for what runners kept of the log (${RUNNERS_SECONDS})`,
      ).argParser(integerFrom(1)),
    )
    .option('--work-dir <folder>', 'where the log is projected meanwhile: about the size of the read model')
    .addHelpText('after', EXAMPLES)
    .action((options: Options) => verifyAll(context, options))
}

/** A part of the log or of the bus is proved with the whole of it. */
function onlyIn(text: string, before: Options['only'] = []): Options['only'] {
  const what = WHAT.find((one) => one === text) ?? PART_OF[text]
  if (what === undefined)
    throw new InvalidArgumentError(`Allowed choices are ${[...WHAT, ...Object.keys(PART_OF)].join(', ')}.`)
  return [...before, what]
}

async function verifyAll(context: Context, options: Options): Promise<void> {
  const { output, signal } = context
  const { CannotVerify, verify } = await import('@assistant-ledger/audit')
  const log = await openLog(context, options)
  const closers: (() => Promise<unknown>)[] = [() => log.close()]
  const bar = await progress(output, 'verifying', { total: 1, unit: 'of the log' })
  try {
    const trusted = await trustedKeys(context, options)
    const wants = (what: (typeof WHAT)[number]) => options.only?.includes(what) ?? true
    const readModel = wants('read-model') ? await readModelOf(context, options) : undefined
    const listens = options.runners !== undefined
    const bus = wants('bus') || listens ? await busOf(context, options, closers) : undefined
    const seconds = options.runners === true ? RUNNERS_SECONDS : options.runners
    const report = await verify({
      log,
      trusted,
      ...(readModel === undefined ? {} : { readModel }),
      ...(bus === undefined ? {} : { bus, stored: wants('bus') }),
      ...(seconds === undefined ? {} : { runners_ms: seconds * 1000 }),
      ...(options.workDir === undefined ? {} : { workDir: options.workDir }),
      signal,
      onProgress: (part, done, total) => {
        if (part === 'log') bar.update(done, total)
        else bar.stop()
      },
    })
    bar.stop()
    if (!report.agrees) context.exit(EXIT.differs)
    await show(context, log, report)
  } catch (error) {
    if (error instanceof CannotVerify) throw new Failure(error.message)
    throw error
  } finally {
    bar.stop()
    for (const close of closers.reverse()) await close().catch(() => undefined)
  }
}

/** Keys that were named, else the one beside the log, else the service's own. */
async function trustedKeys(context: Context, options: Options): Promise<KeyObject[]> {
  const { output } = context
  if (options.trustedKey) return (await Promise.all(options.trustedKey.map(keysIn))).flat()
  const { dataDir } = await placeOf(context, options)
  if (dataDir !== undefined) {
    const file = join(dataDir, PUBLIC_KEY_FILE)
    const beside = await keysIn(file).catch(() => [])
    if (beside.length > 0) {
      const keys = beside.length === 1 ? '' : `the ${beside.length} keys in `
      output.note(
        `trusting ${keys}${file}: whoever can write the log may have written it; --trusted-key names another`,
      )
      return beside
    }
  }
  const service = await context.service()
  const { body } = await service.ask<{ public_key?: string }>('GET', '/ledger', {
    what: 'asking for the key',
  })
  if (body.public_key === undefined) return []
  output.note(`trusting the key that ${service.url} names; --trusted-key names another`)
  return [createPublicKey(body.public_key)]
}

/** A file has one key after the other: those of a service whose key was replaced. */
async function keysIn(file: string): Promise<KeyObject[]> {
  try {
    const blocks = (await readFile(file, 'utf8'))
      .split(/(?=-----BEGIN )/)
      .filter((block) => block.trim() !== '')
    const keys = blocks.map((block) => createPublicKey(block))
    if (keys.length > 0 && keys.every((key) => key.asymmetricKeyType === 'ed25519')) return keys
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new Failure(`there is no key at ${file}`)
  }
  throw new Failure(`${file} holds no Ed25519 public key as PEM`)
}

async function readModelOf(context: Context, options: Options) {
  const { dataDir } = await placeOf(context, options)
  if (dataDir !== undefined) return { file: join(dataDir, 'read-model.db') }
  const url = options.databaseUrl ?? (process.env.DATABASE_URL || undefined)
  if (url !== undefined) return { url }
  throw new Failure(
    'say where the read model is: --database-url <url>; --only log bus leaves it out',
    EXIT.usage,
  )
}

/** Of several places that settings name, the one that the log was opened from. */
async function placeOf(context: Context, options: Options) {
  const { log } = await context.settings()
  const given = options.dataDir !== undefined || options.eventstoreUrl !== undefined
  const { dataDir, eventstoreUrl } = given ? options : log
  return eventstoreUrl === undefined ? { dataDir } : { dataDir: undefined }
}

/** The NATS that is named, else that of the stack which runs on the same data, else the usual one. */
async function busOf(context: Context, options: Options, closers: (() => Promise<unknown>)[]): Promise<Bus> {
  const { dataDir } = await placeOf(context, options)
  const named = options.natsUrl ?? (process.env.NATS_URL || undefined)
  const natsUrl = named ?? (dataDir === undefined ? undefined : runningNats(dataDir))
  const [{ BadOption, natsAddress }, { connect }, { encodeToken }] = await Promise.all([
    import('@assistant-ledger/client'),
    import('@nats-io/transport-node'),
    import('@assistant-ledger/assistant'),
  ])
  try {
    const { servers, login } = natsAddress({ ...process.env, ...(natsUrl ? { NATS_URL: natsUrl } : {}) })
    const connection = await connect({
      ...login,
      servers: [...servers],
      name: 'assistants verify',
      timeout: 5_000,
    })
    closers.push(() => connection.close())
    // A user that may only read has consumers of its own name.
    return { connection, ...(login ? { consumerName: encodeToken(login.user) } : {}) }
  } catch (error) {
    if (error instanceof BadOption) throw new Failure(error.message, EXIT.usage)
    throw new Failure(
      `NATS cannot be reached: ${(error as Error).message}; say where it is with --nats-url, or leave it out with --only log read-model`,
    )
  }
}

const PARTS: readonly Column<PartReport>[] = [
  { head: 'PART', of: ({ part }) => part },
  { head: 'CHECKED', of: ({ checked, unit }) => `${checked} ${checked === 1 ? unit.slice(0, -1) : unit}` },
  {
    head: 'RESULT',
    of: ({ differences }) =>
      differences === 0 ? 'agrees' : `${differences} ${differences === 1 ? 'differs' : 'differ'}`,
    colour: (text, { differences }, { green, red }) => (differences === 0 ? green(text) : red(text)),
  },
]

const DIFFERENCES = (where: (difference: Difference) => string): readonly Column<Difference>[] => [
  { head: 'PART', of: ({ part }) => part },
  { head: 'WHERE', of: where, wraps: true },
  { head: 'WHAT', of: ({ what }) => what, wraps: true },
]

async function show({ output }: Context, log: LogForReading, report: VerifyReport): Promise<void> {
  const { agrees, position, parts, differences, notes } = report
  if (output.mode === 'json') {
    for (const part of parts) await output.json({ kind: 'part', ...part })
    for (const difference of differences) await output.json({ kind: 'difference', ...difference })
    for (const note of notes) await output.json({ kind: 'note', note })
    return output.json({ kind: 'verdict', agrees, project: log.project, position })
  }
  const { placeOf: where } = await import('@assistant-ledger/audit')
  await output.table(PARTS, parts)
  if (differences.length > 0) await output.line()
  await output.table(DIFFERENCES(where), differences)
  for (const note of notes) output.note(`note: ${note}`)
  output.note(agrees ? `all agrees, through position ${position}` : 'it does not agree')
}
