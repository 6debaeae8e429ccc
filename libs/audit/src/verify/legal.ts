// Whether an assistant's event may follow what came before it, from the little that is kept of a stream. It does not go
// by the code that decides or projects: that is what it is held against.
import { type AssistantEvent, LIVE } from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { StreamEnd } from '../stream-table.js'

type Life = Pick<StreamEnd, 'generation' | 'highest' | 'live'>

const NONE: Life = { generation: 0, highest: 0, live: 0 }

/**
 * Why it cannot follow; undefined: it can.
 * @param pointsTo the version that an environment but `live` points to; 0 when it points nowhere
 */
export function illegal(
  event: AssistantEvent,
  before: Life = NONE,
  pointsTo: (environment: string) => number = () => 0,
): string | undefined {
  const lives = before.highest > 0
  switch (event.type) {
    case 'AssistantCreated': {
      const { generation, version } = event.data
      if (lives) return 'it creates an assistant that exists'
      if (generation !== before.generation + 1) return `its generation ${generation} is not the next`
      return version === 1 ? undefined : `it begins with version ${version}`
    }
    case 'ConfigChanged': {
      const { version } = event.data
      if (!lives) return 'it changes an assistant that does not exist'
      return version === before.highest + 1 ? undefined : `its version ${version} is not the next`
    }
    case 'VersionPromoted': {
      const { version, environment, replaces } = event.data
      if (!lives) return 'it promotes a version of an assistant that does not exist'
      if (!(version >= 1 && version <= before.highest))
        return `it promotes version ${version}, which does not exist`
      const was = environment === LIVE ? before.live : pointsTo(environment)
      if ((replaces ?? 0) !== was)
        return `it replaces ${versionOf(replaces)}, but ${environment} was at ${versionOf(was)}`
      return undefined
    }
    case 'AssistantDeleted':
      return lives ? undefined : 'it deletes an assistant that does not exist'
    case 'CommandNoted':
      return undefined
    default:
      event satisfies never
      return undefined
  }
}

/** What is kept of the stream after the event, whatever it is. */
export function afterwards({ stream, type, data }: RecordedEvent, before: Life = NONE): Life {
  const { generation, highest, live } = before
  if (!stream.startsWith('assistant.')) return NONE
  const { version, environment, generation: begun } = (data ?? {}) as Record<string, unknown>
  switch (type as AssistantEvent['type']) {
    case 'AssistantCreated':
      return { generation: numberOf(begun, generation + 1), highest: 1, live: 1 }
    case 'ConfigChanged':
      return { generation, highest: numberOf(version, highest + 1), live }
    case 'VersionPromoted':
      return { generation, highest, live: environment === LIVE ? numberOf(version, live) : live }
    case 'AssistantDeleted':
      return { generation, highest: 0, live: 0 }
    default:
      return { generation, highest, live }
  }
}

const versionOf = (version: number | undefined): string => (version ? `version ${version}` : 'no version')

const numberOf = (value: unknown, otherwise: number): number =>
  Number.isInteger(value) ? (value as number) : otherwise
