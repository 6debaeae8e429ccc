// Ids that two parties must derive alike. The namespaces are literals for ever: an id that changes is another thing.
import { parse, v5 } from 'uuid'
import { canonical, sha256 } from './canonical.js'

/** LangGraph's namespace of system assistants. Not one of RFC 4122's, however alike: copied from its servers. */
const SYSTEM_ASSISTANTS = '6ba7b821-9dad-11d1-80b4-00c04fd430c8'
/** As bytes: every event of the log has its id from it. */
const EVENTS = parse('3f0f6c0a-6d2f-5b7e-9a54-2f1d7d9c8e01')
const COMMANDS = '3f0f6c0a-6d2f-5b7e-9a54-2f1d7d9c8e02'
const PROJECTS = '3f0f6c0a-6d2f-5b7e-9a54-2f1d7d9c8e03'

export const uuid5 = (namespace: string, text: string): string => v5(text, namespace)

/** An event's id, from its hash: two attempts that differ in anything are two events, and the second conflicts. */
export const eventIdOf = (hash: string): string => v5(hash, EVENTS)

/** The id of a command with an Idempotency-Key; `assistant` is its id, or `new` for a create without one. */
export const commandIdOf = (actorId: string, assistant: string, key: string): string =>
  uuid5(COMMANDS, canonical([actorId, assistant, key]))

/**
 * What tells a retry from another command under the same key.
 * @param command.request the body as received, without `assistant_id`, before defaults
 */
export const commandHashOf = (command: {
  verb: string
  assistant_id: string | undefined
  request: unknown
}): string => sha256(canonical(command))

/** The assistant id that a keyed create without an id gets. */
export const idFromKey = (project: string, actorId: string, key: string): string =>
  uuid5(uuid5(PROJECTS, project), canonical([actorId, key]))

/** The id of a graph's system assistant; in project `default` the very id that LangGraph's servers give it. */
export const systemAssistantId = (project: string, graph: string): string =>
  uuid5(SYSTEM_ASSISTANTS, project === 'default' ? graph : `${project}/${graph}`)
