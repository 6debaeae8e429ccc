// Reverting one assistant: the content that was, the update that brings it back, and what came of it.
import type { Change } from '@assistant-ledger/history'
import { isEmpty } from './content.js'
import { EXIT, type ExitCode, Failure } from './failure.js'
import { changesBetween } from './output/difference.js'
import {
  getAssistant,
  getAssistantAt,
  getVersion,
  type Patch,
  type Placing,
  promoteAssistant,
  revisionOf,
  updateAssistant,
} from './service/assistants.js'
import { assistantMeant } from './service/naming.js'
import type { Order, Service } from './service/service.js'
import type { Content } from './service/shapes.js'
import { isLike, nothingOf, shownIn } from './shown-in.js'

/** What would be done to one. */
export interface Reverting {
  readonly assistant_id: string
  readonly name: string
  /** Its revision as it was looked at. */
  readonly revision: string | undefined
  /** Which version it goes back to, in words. */
  readonly target: string
  /** Undefined: live has that content already. */
  readonly patch: Patch | undefined
  /** Instead of a new version: the one in live goes to another environment, which shows something else. */
  readonly promotes?: number
  /** What the new version differs in from what is live. */
  readonly changes: readonly Change[]
  /** What stays as it is all the same, by its path. */
  readonly left: readonly string[]
}

export interface Reverted {
  readonly assistant_id: string
  readonly name: string
  readonly outcome: 'done' | 'unchanged' | 'failed' | 'not tried'
  readonly version?: number
  readonly converged?: boolean
  readonly changes: readonly Change[]
  readonly left: readonly string[]
  readonly error?: string
}

/** What became of one, and what the exit code says of it. */
export interface Ended {
  readonly told: Reverted
  readonly exit: ExitCode
  /** It was no refusal of this one: the service is out of reach, or nobody may do that. */
  readonly endsAll: boolean
}

export const isToDo = ({ patch, promotes }: Reverting): boolean =>
  patch !== undefined || promotes !== undefined

/** @param point as the service reads it @param to where it is to be @throws Failure when there is no such assistant, or was none then */
export async function planned(
  service: Service,
  meant: string,
  point: string,
  environment: string | undefined,
  to: string | undefined,
): Promise<Reverting> {
  const answer = await assistantMeant(service, meant)
  const now = answer.body
  const then = await contentThen(service, now.assistant_id, point, environment, meant)
  const { nameOf, revertOf } = await import('@assistant-ledger/history')
  const { patch, left } = revertOf(contentOf(now), contentOf(then))
  // A description is taken away by an empty one.
  const { description, ...fields } = patch ?? {}
  const says = left.includes('/description') && now.description ? '' : description
  const update = says === undefined || says === null ? fields : { ...fields, description: says }
  const staying = left.filter((pointer) => pointer !== '/description')
  const wanted = { ...contentOf(then), metadata: { ...now.metadata, ...then.metadata } }
  const isNew = !isEmpty(update)
  const shown = isNew || to === undefined ? contentOf(now) : await shownIn(service, now, to)
  return {
    assistant_id: now.assistant_id,
    name: now.name,
    revision: revisionOf(answer),
    target: `version ${then.version}`,
    patch: isNew ? update : undefined,
    ...(isNew || isLike(shown, contentOf(now)) ? {} : { promotes: now.version }),
    changes: await changesBetween(shown ?? nothingOf(now), wanted),
    left: staying.map(nameOf),
  }
}

async function contentThen(
  service: Service,
  id: string,
  point: string,
  environment: string | undefined,
  meant: string,
): Promise<Content & { readonly version: number }> {
  const [, generation, version] = /^(?:(\d+)\.)?(\d+)$/.exec(point) ?? []
  if (version !== undefined)
    return (await getVersion(service, id, Number(version), generation ? Number(generation) : undefined)).body
  if (point.startsWith('@'))
    return (await getAssistantAt(service, id, point.slice(1), environment, meant)).body
  if (/^\d{4}-/.test(point)) return (await getAssistantAt(service, id, point, environment, meant)).body
  return (await getAssistant(service, id, point, meant)).body
}

/** Makes the new version, or promotes the one that has the content, if nobody has changed the assistant since it was looked at. What is refused is told. */
export async function revert(
  service: Service,
  { assistant_id, name, revision, patch, promotes, changes, left }: Reverting,
  placing: Placing,
  order: Order,
): Promise<Ended> {
  const told = { assistant_id, name, changes, left }
  const { promote: _, promote_to: environment, ...wait } = placing
  const seen = {
    ...order,
    what: `revert ${name}`,
    ...(revision === undefined ? {} : { ifMatch: revision }),
  }
  const send = () => {
    if (patch !== undefined) return updateAssistant(service, assistant_id, patch, placing, seen)
    if (promotes === undefined) return undefined
    const promotion = { version: promotes, ...(environment === undefined ? {} : { environment }), ...wait }
    return promoteAssistant(service, assistant_id, promotion, seen)
  }
  try {
    const answer = await send()
    if (answer === undefined)
      return { told: { ...told, outcome: 'unchanged' }, exit: EXIT.ok, endsAll: false }
    const { body } = answer
    const converged = placing.wait === undefined ? {} : { converged: body.receipt?.converged === true }
    const exit = converged.converged === false ? EXIT.differs : EXIT.ok
    return { told: { ...told, outcome: 'done', version: body.version, ...converged }, exit, endsAll: false }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const endsAll = error.code === undefined || error.code === 'unavailable'
    return { told: { ...told, outcome: 'failed', error: error.message }, exit: error.exit, endsAll }
  }
}

export const notTried = ({ assistant_id, name, changes, left }: Reverting): Reverted => ({
  assistant_id,
  name,
  outcome: 'not tried',
  changes,
  left,
  error: 'the one before it failed',
})

/** Of all of them: a failure before a change of somebody else, and that before runners that have not converged. */
export const exitOf = (exits: readonly ExitCode[]): ExitCode =>
  [EXIT.failed, EXIT.changed, EXIT.differs].find((exit) => exits.includes(exit)) ?? EXIT.ok

const contentOf = ({ graph_id, name, description, config, context, metadata }: Content): Content => ({
  graph_id,
  name,
  description,
  config,
  context,
  metadata,
})
