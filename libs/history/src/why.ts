// What is behind a run: from the reference, or the metadata, that its trace carries to the exact content, who made it and
// why, how it came to be where it ran, and what runners said of it.
import { type Content, contentHash, type JsonValue } from '@assistant-ledger/assistant'
import { parseReference, printReference } from '@assistant-ledger/client/reference'
import type { Chronicle, Made } from './chronicle.js'
import type { HistoryEntry } from './entries.js'
import { isObject } from './json-pointers.js'

/** What a run says of the assistant that it ran. */
export interface Ran {
  /** Lower-case. */
  readonly assistantId: string
  readonly version: number
  /** Absent where only ids and a hash were recorded. */
  readonly generation?: number
  /** Of the content, or its first digits. */
  readonly hash?: string
  readonly environment?: string
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Reads a reference, or the metadata of a run as `runOptions` stamps it, also within the trace that has it as `metadata`
 * or `extra.metadata`, and what a runner answers with, which has it as `ref`.
 * @returns undefined where neither is in it
 */
export function ranIn(said: JsonValue): Ran | undefined {
  if (typeof said === 'string') return fromReference(said.trim())
  if (!isObject(said)) return undefined
  const {
    assistant_ref,
    assistant_id,
    assistant_version,
    assistant_hash,
    environment,
    metadata,
    extra,
    ref,
  } = said
  const where = typeof environment === 'string' ? { environment } : {}
  const given = assistant_ref ?? ref
  const named = typeof given === 'string' ? fromReference(given) : undefined
  if (named) return { ...named, ...where }
  if (typeof assistant_id === 'string' && UUID.test(assistant_id) && typeof assistant_version === 'number')
    return {
      assistantId: assistant_id.toLowerCase(),
      version: assistant_version,
      ...(typeof assistant_hash === 'string' ? { hash: assistant_hash } : {}),
      ...where,
    }
  return (isObject(metadata) ? ranIn(metadata) : undefined) ?? (isObject(extra) ? ranIn(extra) : undefined)
}

function fromReference(text: string): Ran | undefined {
  try {
    return parseReference(text)
  } catch {
    return undefined
  }
}

/** The version that ran; undefined when there is none with that hash. The newest life counts where none is named. */
export function versionThatRan(chronicle: Chronicle, ran: Ran): Made | undefined {
  const { version, hash = '' } = ran
  const lives =
    ran.generation === undefined
      ? Array.from({ length: chronicle.now.generation }, (_, n) => chronicle.now.generation - n)
      : [ran.generation]
  for (const generation of lives) {
    const made = chronicle.version(generation, version)
    if (made?.hash.startsWith(hash)) return made
  }
  return undefined
}

/** What is behind a run. */
export interface Why {
  readonly ref: string
  readonly generation: number
  readonly version: number
  readonly content: Content
  readonly content_hash: string
  /** Whether the content is the very one that ran; undefined when the run says no hash. */
  readonly matches: boolean | undefined
  /** How the version came to be: who, when, why. */
  readonly made: HistoryEntry | undefined
  /** When environments moved to it, newest first; of the run's environment, where that is known. */
  readonly promotions: readonly HistoryEntry[]
  /** What runners reported of it, newest first. */
  readonly reports: readonly NonNullable<HistoryEntry['reports']>[number][]
}

/**
 * @param found the version that the run names, as the service answers `version`
 * @param entries the assistant's history, newest first, with receipts
 */
export function explain(
  ran: Ran,
  found: { readonly generation: number; readonly version: number } & Content,
  entries: readonly HistoryEntry[],
): Why {
  const { generation, version, graph_id, name, description, config, context, metadata } = found
  const content: Content = { graph_id, name, description, config, context, metadata }
  const hash = contentHash(content)
  const ofVersion = entries.filter((entry) => entry.generation === generation && entry.version === version)
  const inEnvironment = (environment: string | undefined) =>
    ran.environment === undefined || environment === ran.environment
  return {
    ref: printReference({ assistantId: ran.assistantId, generation, version, contentHash: hash }),
    generation,
    version,
    content,
    content_hash: hash,
    matches: ran.hash === undefined ? undefined : hash.startsWith(ran.hash),
    made: ofVersion.find(({ type }) => type === 'ConfigChanged' || type === 'AssistantCreated'),
    promotions: ofVersion.filter(
      ({ type, environment }) =>
        (type === 'VersionPromoted' || type === 'AssistantCreated') && inEnvironment(environment),
    ),
    reports: entries
      .flatMap(({ reports = [] }) => [...reports].reverse())
      .filter(
        (report) =>
          report.generation === generation && report.version === version && inEnvironment(report.environment),
      ),
  }
}
