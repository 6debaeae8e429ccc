// The decisions: a command on a state gives events, or the outcome it had before, or a refusal. Pure and total.
// The order of the questions is part of the contract: a retry is answered before anything can refuse it.
import type { Command, CommandContext } from './command.js'
import { type Content, changedContent, newContent } from './content.js'
import type { AssistantEvent } from './events.js'
import { inspect, violationsOf } from './inspect.js'
import { type Refusal, refuse } from './refusal.js'
import { type SealedEvent, seal } from './seal.js'
import {
  beneath,
  type CommandRecord,
  LIVE,
  type Life,
  type Outcome,
  outcomeOf,
  type Pointer,
  type State,
} from './state.js'
import { misfit } from './violations.js'

export type Decision =
  /** To be appended right after the state's head, all or none. */
  | {
      readonly type: 'events'
      readonly events: readonly SealedEvent<AssistantEvent>[]
      readonly outcome: Outcome
    }
  /** Nothing to record; the answer is as the state shows it. */
  | { readonly type: 'unchanged'; readonly outcome: Outcome }
  /** The command took effect before: the first answer again. */
  | { readonly type: 'repeated'; readonly record: CommandRecord }
  | { readonly type: 'refused'; readonly refusal: Refusal }

/** What a decision found, before it is sealed. */
type Found = readonly AssistantEvent[] | Outcome | Refusal

/** Decides a command. `needs` must have nothing open for this state and command. */
export function decide(state: State, command: Command, context: CommandContext): Decision {
  const record = state.commands.get(context.commandId)
  if (record)
    return record.commandHash === context.commandHash
      ? { type: 'repeated', record }
      : refused(
          refuse('key-reused', 'This Idempotency-Key was used before with another command; use a new key'),
        )
  if (!state.life && command.type !== 'create') return refused(refuse('not-found', 'Assistant not found'))
  const revision = state.head?.revision ?? -1n
  if (context.ifRevision !== undefined && context.ifRevision !== revision)
    return refused(
      refuse(
        'revision-mismatch',
        `If-Match says revision ${context.ifRevision}, the assistant is at ${revision}`,
        {
          revision: Number(revision),
        },
      ),
    )
  const found = decideOn(state, command, context)
  if ('code' in found) return refused(found)
  if (!('type' in found)) return sealed(state, found, context)
  return context.keyed ? noted(state, command, found, context) : { type: 'unchanged', outcome: found }
}

const refused = (refusal: Refusal): Decision => ({ type: 'refused', refusal })

function decideOn(state: State, command: Command, context: CommandContext): Found {
  const { life } = state
  if (command.type === 'create') return create(state, command, context)
  if (!life) return refuse('not-found', 'Assistant not found')
  switch (command.type) {
    case 'change':
      return change(life, command, context)
    case 'promote':
      return promote(state, life, command, context)
    case 'rollback':
      return rollback(life, command, context)
    case 'delete':
      return [deletion(command, context)]
    default:
      return command satisfies never
  }
}

function create(state: State, command: Command & { type: 'create' }, context: CommandContext): Found {
  const unknown = unknownGraph(command.content.graph_id, context)
  if (state.life) {
    if (command.if_exists === 'do_nothing') return shown(state, pointerTo(state.life, LIVE))
    return refuse('already-exists', `Assistant ${command.assistant_id} already exists`)
  }
  if (unknown) return unknown
  const content = newContent(command.content)
  if (!content.ok) return content.refusal
  const noted = inspect(command.content, LIVE, context)
  if ('code' in noted) return noted
  const { assistant_id } = command
  const data = { assistant_id, generation: state.generation + 1, version: 1, content: content.value } as const
  return [{ type: 'AssistantCreated', data: { ...data, ...noted, salt: context.salts[0] } }]
}

function change(life: Life, command: Command & { type: 'change' }, context: CommandContext): Found {
  const { patch, promote_to } = command
  const live = liveContent(life)
  const refusal =
    (promote_to === undefined ? undefined : unknownEnvironment(promote_to, context)) ??
    (patch.graph_id === undefined ? undefined : unknownGraph(patch.graph_id, context))
  if (refusal) return refusal
  const content = changedContent(live, patch)
  if (!content.ok) return content.refusal
  const noted = inspect(patch, promote_to, context)
  if ('code' in noted) return noted
  const version = life.highest + 1
  const changed: AssistantEvent = {
    type: 'ConfigChanged',
    data: { version, content: content.value, ...noted, salt: context.salts[0] },
  }
  if (promote_to === undefined) return [changed]
  return [
    changed,
    promotion(version, promote_to, life.environments.get(promote_to), context.salts[1], context),
  ]
}

function promote(
  state: State,
  life: Life,
  command: Command & { type: 'promote' },
  context: CommandContext,
): Found {
  const { environment, version: wanted } = command
  const source = typeof wanted === 'object' ? wanted.from : undefined
  const unknown =
    unknownEnvironment(environment, context) ??
    (source === undefined ? undefined : unknownEnvironment(source, context))
  if (unknown) return unknown
  const version = typeof wanted === 'number' ? wanted : life.environments.get(wanted.from)?.version
  if (version === undefined) return refuse('version-not-found', `No version is in environment ${source} yet`)
  if (!Number.isInteger(version) || version < 1 || version > life.highest)
    return refuse('version-not-found', `Version ${version} not found; there are 1 to ${life.highest}`)
  const pointer = life.environments.get(environment)
  const moved = hasMoved(pointer, command)
  if (moved) return moved
  const { guard } = command
  if (guard && (!pointer || pointer.version === version))
    return refuse(
      'nothing-to-guard',
      pointer
        ? `Version ${version} is in environment ${environment} already; leave the guard out`
        : `Nothing was in environment ${environment} before, so nothing can be gone back to; leave the guard out`,
    )
  if (pointer?.version === version) return shown(state, pointer)
  const { check } = context
  // What is recorded already may only be kept out of where it has never been.
  const unfit = check && !check.wasThere && misfit({ ...check, enforced: false }, context.actor, environment)
  if (unfit) return unfit
  const promoted = promotion(version, environment, pointer, context.salts[0], context)
  return [guard ? { ...promoted, data: { ...promoted.data, guard } } : promoted]
}

function rollback(life: Life, command: Command & { type: 'rollback' }, context: CommandContext): Found {
  const { environment } = command
  const unknown = unknownEnvironment(environment, context)
  if (unknown) return unknown
  const pointer = life.environments.get(environment)
  const moved = hasMoved(pointer, command)
  if (moved) return moved
  const before = beneath(pointer)
  if (!pointer || typeof before !== 'object')
    return refuse(
      'nothing-before',
      `Nothing was in environment ${environment} before; promote a version instead`,
    )
  const { data } = promotion(before.version, environment, pointer, context.salts[0], context)
  return [{ type: 'VersionPromoted', data: { ...data, rollback: true } }]
}

function deletion(
  { delete_threads }: Command & { type: 'delete' },
  { salts: [salt] }: CommandContext,
): AssistantEvent {
  return { type: 'AssistantDeleted', data: delete_threads ? { delete_threads, salt } : { salt } }
}

function promotion(
  version: number,
  environment: string,
  pointer: Pointer | undefined,
  salt: string,
  context: CommandContext,
) {
  const replaces = pointer ? { replaces: pointer.version } : {}
  const data = { version, ...replaces, environment, ...violationsOf(context), salt }
  return { type: 'VersionPromoted', data } as const
}

/** Whether the pointer is elsewhere than the caller saw it: by revision, so that there and back counts as moved. */
function hasMoved(
  pointer: Pointer | undefined,
  saw: { seen?: bigint; replaces?: number },
): Refusal | undefined {
  const seen = saw.seen === undefined || saw.seen === (pointer?.revision ?? -1n)
  const replaces = saw.replaces === undefined || saw.replaces === pointer?.version
  if (seen && replaces) return undefined
  return refuse(
    'moved',
    `The environment points to version ${pointer?.version ?? 'none'} by now; look again, then decide`,
  )
}

function unknownGraph(graph: string, { graphs }: CommandContext): Refusal | undefined {
  if (!graphs || graphs.has(graph)) return undefined
  const expected = [...graphs].sort().join(', ')
  return refuse('graph-not-found', `Graph '${graph}' not found. Expected one of: [${expected}]`, {
    field: 'graph_id',
  })
}

function unknownEnvironment(environment: string, { environments }: CommandContext): Refusal | undefined {
  if (environments.has(environment)) return undefined
  const expected = [...environments].join(', ')
  return refuse(
    'unknown-environment',
    `Environment '${environment}' is not declared. Expected one of: [${expected}]`,
    {
      field: 'environment',
    },
  )
}

function liveContent(life: Life): Content {
  const content = life.contents.get(pointerTo(life, LIVE).version)
  if (!content) throw new Error('decide was called before what it needs was loaded')
  return content
}

function pointerTo(life: Life, environment: string): Pointer {
  const pointer = life.environments.get(environment)
  if (!pointer) throw new Error(`an assistant that exists has no pointer ${environment}`)
  return pointer
}

const shown = (state: State, pointer: Pointer): Outcome => ({
  type: 'shown',
  generation: state.generation,
  version: pointer.version,
  updatedAt: pointer.at,
})

function sealed(state: State, events: readonly AssistantEvent[], context: CommandContext): Decision {
  const sealedEvents = seal(events, state.head, context)
  const last = sealedEvents.at(-1) as SealedEvent<AssistantEvent>
  const { type, data, metadata } = last
  const generation = type === 'AssistantCreated' ? state.generation + 1 : state.generation
  return {
    type: 'events',
    events: sealedEvents,
    outcome: outcomeOf({ type, data } as AssistantEvent, generation, metadata.at),
  }
}

/** A keyed command that changes nothing is noted with the answer it got. */
function noted(state: State, command: Command, outcome: Outcome, context: CommandContext): Decision {
  if (outcome.type === 'deleted') return { type: 'unchanged', outcome }
  const { generation, version, updatedAt } = outcome
  const note: AssistantEvent = {
    type: 'CommandNoted',
    data: { verb: command.type, generation, version, updated_at: updatedAt, salt: context.salts[0] },
  }
  return { type: 'events', events: seal([note], state.head, context), outcome }
}

/** What a state that was loaded from a row still lacks before `decide` may be asked. */
export interface Needs {
  /** The version whose content must be supplied (see {@link withContent}). */
  readonly contentOf?: number
  /** True when only the whole stream can tell, because rollbacks went further back than the row reaches. */
  readonly wholeStream?: true
}

export function needs(state: State, command: Command): Needs {
  const { life } = state
  if (!life) return {}
  if (command.type === 'rollback')
    return beneath(life.environments.get(command.environment)) === 'not-loaded' ? { wholeStream: true } : {}
  if (command.type !== 'change') return {}
  const { version } = pointerTo(life, LIVE)
  return life.contents.has(version) ? {} : { contentOf: version }
}

/** The state with one more version's content known. */
export function withContent(state: State, version: number, content: Content): State {
  if (!state.life) return state
  return { ...state, life: { ...state.life, contents: new Map(state.life.contents).set(version, content) } }
}
