// A plan for people: what becomes of each assistant, with its difference.

import { toYaml, writtenOf } from '../content.js'
import { showChanges } from '../output/difference.js'
import type { Output } from '../output/output.js'
import type { Creation } from '../service/assistants.js'
import { MARK } from './mark.js'
import { type Action, isChange } from './plan.js'

export async function showPlan(output: Output, actions: readonly Action[]): Promise<void> {
  const { colours } = output
  for (const action of actions.filter(isChange)) {
    const { assistant_id, name, graph_id, where, changes, meets = {} } = action
    await output.line(
      `${headOf(action, output)} ${colours.bold(name)} (${graph_id}) ${colours.dim(`${assistant_id}, ${where}`)}`,
    )
    const lines =
      action.action === 'create'
        ? (await contentOf(action.body)).map((line) => colours.green(line))
        : await showChanges(changes, colours)
    const told = [
      ...(meets.refused === undefined ? [] : [colours.red(`would be refused: ${meets.refused}`)]),
      ...(meets.violations ?? []).map((line) => colours.yellow(line)),
      ...(meets.namesakes === undefined ? [] : [colours.yellow(`that name is there: ${meets.namesakes}`)]),
    ]
    for (const line of [...lines, ...told]) await output.line(`    ${line}`)
  }
  await output.line(summaryOf(actions))
}

/** A new one is shown whole, as its file might have it. */
async function contentOf({ config = {}, context = {}, metadata = {}, ...body }: Creation): Promise<string[]> {
  const { graph_id, name = '', description = null } = body
  const { [MARK]: _, ...own } = metadata
  const content = { graph_id, name, description, config, context, metadata: own }
  return (await toYaml(writtenOf(content))).trimEnd().split('\n')
}

function headOf(action: Action, { colours: { green, red, yellow } }: Output): string {
  switch (action.action) {
    case 'create':
      return green('+ create')
    case 'update':
      return yellow(action.to === null ? '~ update, in no environment' : `~ update in ${action.to}`)
    case 'promote':
      return yellow(`~ promote version ${action.version} to ${action.to}`)
    case 'delete':
      return red('- delete')
    case 'none':
      return '='
    default:
      return action satisfies never
  }
}

const WORDS = {
  create: 'to create',
  update: 'to update',
  promote: 'to promote',
  delete: 'to delete',
} as const

export function summaryOf(actions: readonly Action[]): string {
  const count = (kind: Action['action']) => actions.filter(({ action }) => action === kind).length
  const parts = (Object.keys(WORDS) as (keyof typeof WORDS)[]).flatMap((kind) =>
    count(kind) > 0 ? [`${count(kind)} ${WORDS[kind]}`] : [],
  )
  const same = `${count('none')} as the files say`
  const refused = actions.filter(({ meets }) => meets?.refused !== undefined).length
  const end = refused === 0 ? '' : `; ${refused} would be refused`
  return parts.length === 0 ? `no changes: ${same}` : `${parts.join(', ')}, ${same}${end}`
}

/** As a line of JSON: what a script decides by. */
export const printed = (action: Action) => {
  const { action: kind, assistant_id, name, graph_id, where, changes, meets } = action
  return {
    action: kind,
    assistant_id,
    name,
    graph_id,
    where,
    ...(action.action === 'create' ? { body: action.body } : { changes }),
    ...meets,
  }
}
