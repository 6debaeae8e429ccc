// An event as history shows it: who did what to which version, when and why, and the reference of what came of it.
import {
  type Actor,
  type AssistantEvent,
  type EventMetadata,
  LIVE,
  type Noted,
  type RunnerReport,
  readEvent,
  readFleetEvent,
} from '@assistant-ledger/assistant'
import { printReference } from '@assistant-ledger/client/reference'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { Chronicle, Made } from './chronicle.js'

/** One event, as plain JSON; what there is not is absent. */
export interface HistoryEntry {
  /** Of the log, decimal; names the entry. */
  readonly position: string
  /** Of the stream: the assistant's, or for `RunnersReported` that of the reports on it. */
  readonly revision: number
  readonly at: string
  readonly type: AssistantEvent['type'] | 'RunnersReported' | 'Unreadable'
  readonly assistant_id: string
  /** What the assistant is called in `version`. */
  readonly name?: string
  readonly graph_id?: string
  /** The life of the id. */
  readonly generation?: number
  /** The version that was made or moved to, or that was live last. */
  readonly version?: number
  /** The version that it was made from. */
  readonly built_on?: number
  /** The environment that moved. */
  readonly environment?: string
  /** The version that was there before. */
  readonly replaces?: number
  readonly rollback?: true
  readonly actor?: Actor
  readonly reason?: string
  /** What the events, lines and spans of one request have in common. */
  readonly correlation?: string
  /** In one line. */
  readonly what: string
  /** Names the content of `version` for ever. */
  readonly ref?: string
  /** Where the content does not fit the graph's schemas, as far as that was checked. */
  readonly violations?: Noted['violations']
  /** JSON pointers of what looked like a secret; the reason says why it may be there. */
  readonly secrets?: Noted['secrets']
  /** What runners reported. */
  readonly reports?: readonly RunnerReport[]
}

/** The types that an entry can have, for those who ask for some. */
export const ENTRY_TYPES = [
  'AssistantCreated',
  'ConfigChanged',
  'VersionPromoted',
  'AssistantDeleted',
  'CommandNoted',
  'RunnersReported',
] as const

/** @param chronicle of the event's stream, with the event in it */
export function entryOf(chronicle: Chronicle, stored: RecordedEvent): HistoryEntry {
  const { assistantId } = chronicle
  const place = {
    position: String(stored.position),
    revision: Number(stored.revision),
    assistant_id: assistantId,
  }
  if (stored.revision >= chronicle.next) {
    const { at = '' } = (stored.metadata ?? {}) as Partial<EventMetadata>
    const what = `an event of type ${stored.type} that this version of the service cannot read`
    return { ...place, at, type: 'Unreadable', what }
  }
  const { event, metadata } = readEvent(stored)
  const { at, actor, reason, $correlationId: correlation } = metadata
  return {
    ...place,
    at,
    type: event.type,
    ...told(chronicle, event, stored.revision),
    actor,
    ...(reason === undefined ? {} : { reason }),
    ...(correlation === undefined ? {} : { correlation }),
  }
}

type Told = Omit<HistoryEntry, 'position' | 'revision' | 'at' | 'type' | 'assistant_id'>

function told(chronicle: Chronicle, event: AssistantEvent, revision: bigint): Told {
  const { generation } = chronicle.after(revision)
  const before = chronicle.after(revision - 1n)
  const of = (version: number | undefined): Partial<Told> =>
    version === undefined
      ? { generation }
      : named(chronicle, chronicle.version(generation, version), generation, version)
  switch (event.type) {
    case 'AssistantCreated': {
      const { content } = event.data
      const again = generation > 1 ? ' again' : ''
      const what = `created${again} as ${quoted(content.name)} of graph ${content.graph_id}`
      return { ...of(1), environment: LIVE, ...notedIn(event), what }
    }
    case 'ConfigChanged': {
      const { version } = event.data
      const { builtOn } = chronicle.version(generation, version) ?? {}
      const what = `made version ${version}${builtOn === undefined ? '' : ` from version ${builtOn}`}`
      return { ...of(version), ...given({ built_on: builtOn }), ...notedIn(event), what }
    }
    case 'VersionPromoted': {
      const { version, environment, replaces, rollback } = event.data
      const from = replaces === undefined ? '' : ` in place of version ${replaces}`
      const what = rollback
        ? `took ${environment} back to version ${version}${from}`
        : `moved ${environment} to version ${version}${from}`
      return { ...of(version), environment, ...given({ replaces, rollback }), ...notedIn(event), what }
    }
    case 'AssistantDeleted':
      return {
        ...of(before.life?.pointers.get(LIVE)?.version),
        what: event.data.delete_threads ? 'deleted, and its threads are to go too' : 'deleted',
      }
    case 'CommandNoted': {
      const { verb, version, generation: shown } = event.data
      const made = chronicle.version(shown, version)
      return { ...named(chronicle, made, shown, version), what: `noted that ${verb} changed nothing` }
    }
    default:
      return event satisfies never
  }
}

function named(
  { assistantId }: Chronicle,
  made: Made | undefined,
  generation: number,
  version: number,
): Partial<Told> {
  if (!made) return { generation, version }
  const ref = printReference({ assistantId, generation, version, contentHash: made.hash })
  return { name: made.name, graph_id: made.graphId, generation, version, ref }
}

/** Reports on an assistant, of its fleet stream; undefined when they cannot be read. */
export function reportEntryOf(assistantId: string, stored: RecordedEvent): HistoryEntry | undefined {
  const event = readFleetEvent(stored)
  if (event?.type !== 'RunnersReported') return undefined
  const { reports } = event.data
  const { at, actor, $correlationId: correlation } = stored.metadata as EventMetadata
  const counted = (['active', 'rejected', 'removed'] as const).flatMap((status) => {
    const count = reports.filter((report) => report.status === status).length
    return count === 0 ? [] : [`${count} ${status}`]
  })
  return {
    position: String(stored.position),
    revision: Number(stored.revision),
    at,
    type: 'RunnersReported',
    assistant_id: assistantId,
    actor,
    ...given({ correlation }),
    what: `runners reported: ${counted.join(', ') || 'nothing'}`,
    reports,
  }
}

/** What was found in a content and taken all the same. */
function notedIn({ data }: AssistantEvent): Noted {
  const { violations, secrets } = data as Noted
  return given({ violations, secrets })
}

const quoted = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 79)}…` : name)

/** Only the properties that have a value. */
function given<T extends object>(properties: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>
  }
}
