// For each field of a content: which version set it, by whom, when and why.
import type { JsonValue } from '@assistant-ledger/assistant'
import type { Command } from 'commander'
import { partsOf } from '../assign.js'
import type { Context } from '../context.js'
import { Failure } from '../failure.js'
import { environmentOption } from '../options.js'
import type { Column } from '../output/table.js'
import { POINT_HELP, readPoint } from '../point.js'
import { type Blame, getBlame } from '../service/history.js'
import { assistantId } from '../service/naming.js'

const EXAMPLES = `
Examples:
  $ assistants blame Blog
  $ assistants blame Blog context.prompt
  $ assistants blame Blog /context/tools --of staging --json
  $ assistants blame Blog --of "3 days ago"

A version is made from the one that was live then: a field comes from the last of that line that changed it. A path names a
field and all below it, with dots or as a JSON pointer; a list is one field.
${POINT_HELP}`

interface Options {
  readonly of?: string
  readonly environment?: string
}

type Field = Blame['fields'][number]

export function register(command: Command, context: Context): void {
  command
    .argument('<assistant>', 'its id, its name or a graph')
    .argument('[path]', 'only this field, and those below it: context.prompt')
    .option('--of <point>', 'the version that is meant (live)')
    .addHelpText('after', EXAMPLES)
    .action((meant: string, path: string | undefined, options: Options) =>
      blame(context, meant, path, options),
    )
  environmentOption(command, 'the environment that a time or a position means (live)')
}

async function blame(
  context: Context,
  meant: string,
  path: string | undefined,
  { of, environment }: Options,
): Promise<void> {
  const { output } = context
  const pointer = path === undefined ? undefined : pointerOf(path)
  const point = of === undefined ? undefined : await readPoint(of)
  const service = await context.service()
  const id = await assistantId(service, meant, { orGone: true })
  const { body } = await getBlame(service, id, {
    ...(point === undefined ? {} : { of: point }),
    ...(environment === undefined ? {} : { environment }),
    ...(pointer === undefined ? {} : { path: pointer }),
  })
  if (body.fields.length === 0) throw new Failure(`version ${body.of.version} has no field at ${path}`)
  const { nameOf } = await import('@assistant-ledger/history')
  output.page()
  await output.table(columnsOf(nameOf), output.mode === 'json' ? body.fields : once(body.fields))
}

/** Of the context and its copy in `config.configurable` only the one. */
function once(fields: readonly Field[]): readonly Field[] {
  const copied = '/config/configurable/'
  const pointers = new Set(fields.map(({ pointer }) => pointer))
  return fields.filter(
    ({ pointer }) =>
      !(pointer.startsWith(copied) && pointers.has(`/context/${pointer.slice(copied.length)}`)),
  )
}

/** `context.prompt` as `/context/prompt`; what begins with a slash is a pointer already. */
function pointerOf(path: string): string {
  if (path.startsWith('/')) return path
  return partsOf(path)
    .map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
}

const columnsOf = (nameOf: (pointer: string) => string): readonly Column<Field>[] => [
  {
    head: 'FIELD',
    of: ({ pointer }) => nameOf(pointer),
    colour: (text, _, { cyan }) => cyan(text),
    shrinks: true,
  },
  { head: 'VALUE', of: ({ value }) => shown(value), shrinks: true },
  {
    head: 'VERSION',
    of: ({ generation, version }) => (version ? `${generation}.${version}` : '?'),
    align: 'right',
  },
  { head: 'WHEN', of: ({ at }) => at, time: true },
  { head: 'WHO', of: ({ actor }) => actor?.id, shrinks: true },
  { head: 'WHY', of: ({ reason }) => reason, wraps: true },
]

const shown = (value: JsonValue): string => (typeof value === 'string' ? value : JSON.stringify(value))
