// What a command is about, for the check against schemas that comes before it is decided; and whether a version may go
// back to where it was. Pure, as the decisions are.
import type { Checked } from './check-json.js'
import type { Command } from './command.js'
import { type Content, changedContent, newContent } from './content.js'
import type { AssistantEvent } from './events.js'
import { beneath, LIVE, type State } from './state.js'

/** What a command would record, or the version of the present life that it would make an environment show. */
export type Subject =
  /** The content is only put together when it is asked for; undefined: it breaks a rule. */
  | { readonly type: 'content'; readonly graph_id: string; content(): Content | undefined }
  | { readonly type: 'version'; readonly version: number }

/** Undefined when there is nothing to be looked at: `decide` then refuses the command, or nothing changes. */
export function subjectOf({ life }: State, command: Command): Subject | undefined {
  switch (command.type) {
    case 'create': {
      const { content } = command
      return life ? undefined : brought(content.graph_id, () => newContent(content))
    }
    case 'change': {
      const { patch } = command
      const live = life?.contents.get(life.environments.get(LIVE)?.version ?? 0)
      return live && brought(patch.graph_id ?? live.graph_id, () => changedContent(live, patch))
    }
    case 'promote': {
      const { version: wanted } = command
      const version = typeof wanted === 'number' ? wanted : life?.environments.get(wanted.from)?.version
      const exists = life && version !== undefined && version >= 1 && version <= life.highest
      return exists ? { type: 'version', version } : undefined
    }
    case 'rollback': {
      const before = beneath(life?.environments.get(command.environment))
      return typeof before === 'object' ? { type: 'version', version: before.version } : undefined
    }
    case 'delete':
      return undefined
    default:
      return command satisfies never
  }
}

function brought(graph_id: string, make: () => Checked<Content>): Subject {
  const content = () => {
    const made = make()
    return made.ok ? made.value : undefined
  }
  return { type: 'content', graph_id, content }
}

/** The environment that a command makes show something; undefined: none. */
export function intoOf(command: Command): string | undefined {
  switch (command.type) {
    case 'create':
      return LIVE
    case 'change':
      return command.promote_to
    case 'promote':
    case 'rollback':
      return command.environment
    case 'delete':
      return undefined
    default:
      return command satisfies never
  }
}

/**
 * Whether a version was in an environment in the present life, one event further: fold it over the whole stream, from
 * false on.
 */
export function wasThere(
  before: boolean,
  event: AssistantEvent,
  { version, environment }: { readonly version: number; readonly environment: string },
): boolean {
  switch (event.type) {
    case 'AssistantCreated':
      return version === 1 && environment === LIVE
    case 'AssistantDeleted':
      return false
    case 'VersionPromoted':
      return before || (event.data.version === version && event.data.environment === environment)
    case 'ConfigChanged':
    case 'CommandNoted':
      return before
    default:
      return event satisfies never
  }
}
