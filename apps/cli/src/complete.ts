// What may come next on a command line, for the completion scripts: a line each, `value<TAB>description`. Whatever goes
// wrong, it says nothing: a person who types must not be disturbed.
import type { Command, Option } from 'commander'
import { type CommandContext, load } from './program.js'
import type { GlobalOptions } from './settings.js'

/** A service that is slow does not keep the person waiting; assistants are then not completed. */
const PATIENCE_SECONDS = 1
/** So many assistants are offered. */
const OFFERED = 200

export interface Candidate {
  readonly value: string
  readonly description?: string
}

/** @param words those of the command line after `assistants`, the last one being typed and maybe empty */
export async function complete(
  program: Command,
  context: CommandContext,
  words: readonly string[],
): Promise<void> {
  // bash takes the sign of `--sort=name` for a word of its own.
  const last = unquoted(words.at(-1) ?? '')
  const typed = last === '=' ? '' : last
  const before = words.slice(0, -1).map(unquoted)
  try {
    const candidates = await candidatesFor(
      program,
      context,
      before.filter((word) => word !== '='),
      typed,
    )
    for (const { value, description = '' } of candidates)
      if (value.startsWith(typed)) await context.output.line(`${value}\t${description}`)
  } catch {
    // Nothing is offered.
  }
}

async function candidatesFor(
  program: Command,
  context: CommandContext,
  before: readonly string[],
  typed: string,
): Promise<readonly Candidate[]> {
  let command = program
  const given: string[] = []
  let waiting: Option | undefined
  for (const word of before) {
    if (waiting !== undefined) {
      if (program.options.includes(waiting)) program.setOptionValue(waiting.attributeName(), word)
      waiting = undefined
    } else if (word.startsWith('-')) waiting = takesValue(optionOf(command, program, word), word)
    else {
      const next = given.length === 0 ? command.commands.find((one) => one.name() === word) : undefined
      if (next === undefined) given.push(word)
      else {
        if (command === program) await load(next, context)
        command = next
      }
    }
  }
  context.begin({ ...program.opts<GlobalOptions>(), timeout: String(PATIENCE_SECONDS) })
  const meant = command.registeredArguments[0]?.name() === 'assistant' ? given[0] : undefined
  if (waiting !== undefined) return valuesOf(waiting, meant, context)
  const [name = '', value] = typed.split('=')
  const option = value === undefined ? undefined : optionOf(command, program, name)
  if (option)
    return (await valuesOf(option, meant, context)).map((one) => ({ ...one, value: `${name}=${one.value}` }))
  if (typed.startsWith('-')) return optionsOf(command, program)
  if (command.commands.length > 0) return command.commands.map(described)
  return argumentsOf(command, given, context)
}

const described = (command: Command): Candidate => ({
  value: command.name(),
  description: command.summary() || command.description(),
})

function optionOf(command: Command, program: Command, word: string): Option | undefined {
  const name = word.split('=', 1)[0]
  return [...command.options, ...program.options].find(({ short, long }) => name === short || name === long)
}

const takesValue = (option: Option | undefined, word: string): Option | undefined =>
  option?.required && !word.includes('=') ? option : undefined

const optionsOf = (command: Command, program: Command): Candidate[] =>
  [...command.options, ...(command === program ? [] : program.options)]
    .filter(({ hidden }) => !hidden)
    .flatMap(({ long, description }) => (long ? [{ value: long, description }] : []))
    .concat({ value: '--help', description: 'show what it takes' })

/** @param meant the assistant that the command is given, if any */
async function valuesOf(
  option: Option,
  meant: string | undefined,
  context: CommandContext,
): Promise<readonly Candidate[]> {
  if (option.argChoices) return option.argChoices.map((value) => ({ value }))
  switch (/<([a-z]+)[^>]*>/.exec(option.flags)?.[1]) {
    case 'assistant':
      return assistants(context)
    case 'environment':
      return (await import('./points-of.js')).environmentsOf(await context.service(), meant)
    case 'point':
      return pointsOf(context, meant)
    case 'n':
      return meant === undefined
        ? []
        : (await import('./points-of.js')).versionsOf(await context.service(), meant)
  }
  if (option.attributeName() !== 'profile') return []
  const { configPath, readConfig } = await import('./profile.js')
  const { profiles } = await readConfig(await configPath())
  return Object.entries(profiles).map(([value, { url }]) => ({ value, ...(url ? { description: url } : {}) }))
}

async function argumentsOf(
  { registeredArguments }: Command,
  given: readonly string[],
  context: CommandContext,
): Promise<readonly Candidate[]> {
  const last = registeredArguments.at(-1)
  const argument = registeredArguments[given.length] ?? (last?.variadic ? last : undefined)
  if (argument?.argChoices) return argument.argChoices.map((value) => ({ value }))
  switch (argument?.name()) {
    case 'assistant':
      return assistants(context)
    case 'a':
    case 'b':
      return pointsOf(context, given[0])
    default:
      return []
  }
}

/** Environments and versions. */
async function pointsOf(context: CommandContext, meant: string | undefined): Promise<readonly Candidate[]> {
  const { environmentsOf, versionsOf } = await import('./points-of.js')
  const service = await context.service()
  return [
    ...(await environmentsOf(service, meant)),
    ...(meant === undefined ? [] : await versionsOf(service, meant)),
  ]
}

/** By name, and by id where several have one name. */
async function assistants(context: CommandContext): Promise<readonly Candidate[]> {
  const [service, { searchAssistants }] = await Promise.all([
    context.service(),
    import('./service/assistants.js'),
  ])
  const select = ['assistant_id', 'name', 'graph_id']
  const found: Candidate[] = []
  const seen = new Set<string>()
  for await (const { assistant_id, name, graph_id } of searchAssistants(
    service,
    { select, sort_by: 'updated_at', sort_order: 'desc' },
    OFFERED,
  )) {
    if (!seen.has(name)) found.push({ value: name, description: `${graph_id} ${assistant_id}` })
    seen.add(name)
    found.push({ value: assistant_id, description: `${name}, ${graph_id}` })
  }
  return found
}

/** A word as the shell would read it, as far as it was typed. */
const unquoted = (word: string): string => word.replaceAll(/\\(.)/g, '$1').replaceAll(/["']/g, '')
