// What would have to be done so that the service is as the files say, and on what present state that rests.
import type { Change } from '@assistant-ledger/history'
import { applied, isEmpty, patchBetween } from '../content.js'
import { Failure, usage } from '../failure.js'
import { changesBetween } from '../output/difference.js'
import {
  type Creation,
  getAssistant,
  listVersions,
  type Patch,
  revisionOf,
  searchAssistants,
} from '../service/assistants.js'
import type { Service } from '../service/service.js'
import type { Assistant } from '../service/shapes.js'
import { isLike, nothingOf, shownIn } from '../shown-in.js'
import type { Declared } from './documents.js'
import { MARK, markOf } from './mark.js'
import { type Meets, meetsOf } from './meets.js'

interface Common {
  readonly assistant_id: string
  readonly name: string
  readonly graph_id: string
  /** The file; of a deletion what it was made by. */
  readonly where: string
  readonly changes: readonly Change[]
  /** What stands in its way, or is to be known before it is done. */
  readonly meets?: Meets
}

/** One step. A revision is that of the state it rests on: another one refuses it. */
export type Action = Common &
  (
    | { readonly action: 'create'; readonly body: Creation }
    | { readonly action: 'update'; readonly body: Patch; readonly revision: string; readonly to: Place }
    /** The content is in `live` already, not in the environment that is meant. */
    | { readonly action: 'promote'; readonly version: number; readonly revision: string; readonly to: string }
    | { readonly action: 'delete'; readonly revision: string }
    | { readonly action: 'none' }
  )

/** An environment; null: the new version goes nowhere. */
export type Place = string | null

export interface Scope {
  readonly to: Place
  readonly owner: string
  readonly prune: boolean
}

/** So many assistants are asked for at a time. */
const AT_A_TIME = 8

/** In the order of the files, what is pruned last. @throws Failure */
export async function planOf(
  service: Service,
  declared: readonly Declared[],
  scope: Scope,
  onProgress: (done: number) => void,
): Promise<Action[]> {
  const actions: Action[] = []
  for (let at = 0; at < declared.length; at += AT_A_TIME) {
    const some = declared.slice(at, at + AT_A_TIME)
    actions.push(...(await Promise.all(some.map((one) => actionFor(service, one, scope)))))
    onProgress(actions.length)
  }
  return scope.prune ? [...actions, ...(await pruned(service, declared, scope.owner))] : actions
}

async function actionFor(service: Service, declared: Declared, scope: Scope): Promise<Action> {
  const action = await wantedBy(service, declared, scope)
  const meets = await meetsOf(service, action)
  return isEmpty(meets) ? action : { ...action, meets }
}

async function wantedBy(service: Service, declared: Declared, { to, owner }: Scope): Promise<Action> {
  const { assistant_id, written, where } = declared
  const live = await liveOf(service, assistant_id)
  if (live === undefined) return creation(declared, owner, to)
  const { assistant, revision } = live
  const wanted = applied(assistant, written)
  const common = { assistant_id, name: wanted.name, graph_id: wanted.graph_id, where }
  // With no environment, the newest version.
  const shown =
    to === null
      ? (await listVersions(service, assistant_id, 1)).body[0]
      : to === 'live'
        ? assistant
        : await shownIn(service, assistant, to)
  const changes = await changesBetween(shown ?? nothingOf(wanted), wanted)
  if (isLike(shown, wanted)) return { ...common, action: 'none', changes: [] }
  const body = patchBetween(assistant, wanted)
  if (body !== undefined) return { ...common, action: 'update', body, revision, to, changes }
  if (to === null) return { ...common, action: 'none', changes: [] }
  return { ...common, action: 'promote', version: assistant.version, revision, to, changes }
}

async function liveOf(
  service: Service,
  id: string,
): Promise<{ assistant: Assistant; revision: string } | undefined> {
  try {
    const answer = await getAssistant(service, id)
    const revision = revisionOf(answer)
    if (revision === undefined)
      throw new Failure(`${service.url} names no revision of ${id}; is it this service?`)
    return { assistant: answer.body, revision }
  } catch (error) {
    if (error instanceof Failure && error.code === 'not-found') return undefined
    throw error
  }
}

/** A new assistant is always live: LangGraph knows no other. */
function creation({ assistant_id, written, where }: Declared, owner: string, to: Place): Action {
  const { graph_id, name = 'Untitled', description } = written
  if (!graph_id)
    throw usage(`${where}: there is no assistant ${assistant_id} yet, and a new one needs graph_id`)
  if (to !== 'live')
    throw usage(
      `${where}: there is no assistant ${assistant_id} yet, and its first version is always live: apply it once without --to and --no-promote`,
    )
  const content = applied(nothingOf({ graph_id, name }), written)
  const mark = { [MARK]: markOf(owner) }
  const body: Creation = {
    assistant_id,
    graph_id,
    name,
    ...(description ? { description } : {}),
    config: content.config,
    context: content.context,
    metadata: { ...content.metadata, ...mark },
  }
  return { action: 'create', assistant_id, name, graph_id, where, body, changes: [] }
}

/** What apply made under this owner and no file says any more. */
async function pruned(service: Service, declared: readonly Declared[], owner: string): Promise<Action[]> {
  const kept = new Set(declared.map(({ assistant_id }) => assistant_id))
  const actions: Action[] = []
  const made = searchAssistants(service, {
    metadata: { [MARK]: markOf(owner) },
    sort_by: 'assistant_id',
    sort_order: 'asc',
  })
  for await (const { assistant_id } of made) {
    if (kept.has(assistant_id)) continue
    // The search may lag behind: what is deleted is what is there now.
    const live = await liveOf(service, assistant_id)
    if (live === undefined || live.assistant.metadata[MARK] !== markOf(owner)) continue
    const { name, graph_id } = live.assistant
    const where = `in no file, made by ${markOf(owner)}`
    actions.push({
      action: 'delete',
      assistant_id,
      name,
      graph_id,
      where,
      revision: live.revision,
      changes: [],
    })
  }
  return actions
}

export const isChange = ({ action }: Action): boolean => action !== 'none'
