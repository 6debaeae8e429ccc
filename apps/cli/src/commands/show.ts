// One assistant: as it is, as a version has it, as an environment shows it, as it was.
import { type Command, Option } from 'commander'
import { toYaml, writtenOf } from '../content.js'
import type { Context } from '../context.js'
import { Failure, usage } from '../failure.js'
import { environmentOption } from '../options.js'
import { getAssistant, getAssistantAt, getVersion } from '../service/assistants.js'
import { assistantId } from '../service/naming.js'
import type { Service } from '../service/service.js'
import type { Assistant, OneVersion } from '../service/shapes.js'
import { readTime, relative } from '../time.js'

const EXAMPLES = `
Examples:
  $ assistants show Blog
  $ assistants show Blog --version 3
  $ assistants show Blog --version 1.3               # version 3 of its first life, before it was deleted
  $ assistants show Blog --environment staging
  $ assistants show Blog --at "2 hours ago"
  $ assistants show Blog --position 4711 --json`

interface Options {
  readonly version?: string
  readonly environment?: string
  readonly at?: string
  readonly position?: string
}

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant>', 'its id, its name or a graph')
    .addOption(
      new Option('--version <n>', 'a version, or generation.version').conflicts([
        'environment',
        'at',
        'position',
      ]),
    )
    .addOption(new Option('--at <time>', 'as it was: ISO, or "2 hours ago"').conflicts('position'))
    .addOption(new Option('--position <position>', 'as it was at this position of the log'))
    .addHelpText('after', EXAMPLES)
    .action((meant: string, options: Options) => show(context, meant, options))
  environmentOption(command, 'as this environment shows it (live)')
}

async function show(context: Context, meant: string, options: Options): Promise<void> {
  const { output } = context
  const service = await context.service()
  const id = await assistantId(service, meant, { orGone: isOfThePast(options) })
  const shown = await find(service, id, meant, options)
  if (output.mode === 'json') return output.json(shown)
  const { assistant_id, version, created_at } = shown
  const { bold, cyan, dim } = output.colours
  const ago = (time: string) => (output.mode === 'terminal' ? dim(`  # ${relative(time)}`) : '')
  output.page()
  const heads = [
    ['assistant_id', assistant_id, ''],
    ['version', String(version), ''],
    ...('generation' in shown ? [['generation', String(shown.generation), '']] : []),
    ...('content_hash' in shown ? [['content_hash', shown.content_hash, '']] : []),
    ['created_at', created_at, ago(created_at)],
    ...('updated_at' in shown ? [['updated_at', shown.updated_at, ago(shown.updated_at)]] : []),
  ]
  for (const [name, value, comment] of heads) await output.line(`${cyan(`${name}:`)} ${value}${comment}`)
  // What is further in belongs to a value, and may look like anything.
  const content = (await toYaml(writtenOf(shown))).replaceAll(/^[a-z_]+:/gm, (name) => cyan(name))
  await output.write(content.replace(/(?<=^\S*name:\S* ).*$/m, (name) => bold(name)))
}

const isOfThePast = ({ version, at, position }: Options): boolean =>
  version !== undefined || at !== undefined || position !== undefined

async function find(
  service: Service,
  id: string,
  meant: string,
  { version, environment, at, position }: Options,
): Promise<Assistant | OneVersion> {
  if (version !== undefined) {
    const [, generation, number] = /^(?:([1-9]\d{0,14})\.)?([1-9]\d{0,14})$/.exec(version) ?? []
    if (number === undefined) throw usage(`--version is a number, or generation.version, not ${version}`)
    return (await getVersion(service, id, Number(number), generation ? Number(generation) : undefined)).body
  }
  if (position !== undefined && !/^\d{1,20}$/.test(position))
    throw usage(`--position is a decimal number, not ${position}`)
  const moment = at === undefined ? position : await readTime(at)
  if (moment === undefined) return (await getAssistant(service, id, environment, meant)).body
  const { body } = await getAssistantAt(service, id, moment, environment, meant)
  // A service that does not know the option passes it over, and would show what is as what was.
  if (at !== undefined && new Date(body.updated_at) > new Date(moment))
    throw new Failure(`${service.url} does not answer what was: it is of an older version than this command`)
  return body
}
