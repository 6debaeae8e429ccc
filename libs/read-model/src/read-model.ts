// What the service reads from: rows that are projected from the log, and nothing that is not in it. Commands load
// their state here, queries find their answers, the publisher the desired state of the config bucket.
import type { Actor, Content, JsonObject, Ledger, State } from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { DescriptorModel } from './descriptors.js'
import type { FleetModel } from './fleet-model.js'
import type { Replicas } from './replicas.js'
import type { Filter } from './visible.js'

/** An assistant as the LangGraph API shows it. */
export interface Assistant extends Content {
  readonly assistant_id: string
  readonly version: number
  /** When this life of the id began. */
  readonly created_at: string
  /** When the environment's pointer was set. */
  readonly updated_at: string
}

/** A version as the LangGraph API shows it; `created_at` is when the version was made. */
export interface AssistantVersion extends Content {
  readonly assistant_id: string
  readonly version: number
  readonly created_at: string
}

/** An assistant as one environment shows it, and where in its stream that stands. */
export interface AssistantRow {
  readonly assistant: Assistant
  /** The JSON text of the same. */
  readonly json: string
  readonly generation: number
  /** Revision of the stream's newest projected event. */
  readonly revision: bigint
}

export interface VersionRow {
  readonly content: Content
  readonly contentHash: string
  readonly createdAt: string
}

interface KeyBase {
  readonly environment: string
  readonly graphId: string
  readonly assistantId: string
  /** The version that the key shows, or showed last. */
  readonly generation: number
  readonly version: number
  /** Revision and position of the event that set the key's state. */
  readonly revision: bigint
  readonly position: bigint
  readonly promotedAt: string
  readonly promotedBy: Actor
}

/** The desired state of one key of the config bucket. Keys never go away: what is gone has a tombstone. */
export type ConfigKey =
  | (KeyBase & { readonly state: 'live'; readonly content: Content; readonly contentHash: string })
  | (KeyBase & { readonly state: 'deleted' })
  | (KeyBase & { readonly state: 'moved'; readonly to: string })

/** Absent matches everything. */
export interface AssistantFilter {
  /** Contained in the assistant's metadata, as PostgreSQL's `@>` has it. */
  readonly metadata?: JsonObject
  readonly graph_id?: string
  /** A part of the name, in any case. */
  readonly name?: string
  /** What whoever asks may see. */
  readonly visible?: Filter
}

export type SortField = 'assistant_id' | 'created_at' | 'updated_at' | 'name' | 'graph_id'

export interface AssistantSearch extends AssistantFilter {
  readonly limit: number
  readonly offset: number
  readonly sort_by: SortField
  readonly sort_order: 'asc' | 'desc'
  /** The fields to show; absent: all. */
  readonly select?: readonly (keyof Assistant)[]
  /** UTF-8 bytes that all contents shown may have; absent: any number. */
  readonly mostBytes?: number
}

export interface SearchResult {
  readonly assistants: Partial<Assistant>[]
  /** All that match, not only this page. */
  readonly total: number
}

export interface VersionsQuery {
  /** Contained in the version's own metadata. */
  readonly metadata?: JsonObject
  /** What whoever asks may see: both the assistant as it is live and the version must be it. */
  readonly visible?: Filter
  readonly limit: number
  readonly offset: number
  /** UTF-8 bytes that all contents shown may have; absent: any number. */
  readonly mostBytes?: number
}

/** A stream that holds an event which this version of the service cannot read. */
export interface Quarantined {
  readonly stream: string
  readonly revision: bigint
  readonly reason: string
}

/** An event to be projected. */
export interface Projected extends RecordedEvent {
  /** The JSON of its data as it is stored, where that is at hand: what rows hold of it then needs not be written anew. */
  readonly text?: string
}

export interface ApplyOptions {
  /**
   * Whether a stream with an event that cannot be read may be quarantined, so that the projection goes on without it.
   * When not, the batch is refused with `StreamUnreadable`. Absent: it may.
   */
  readonly mayQuarantine?: (found: Quarantined) => boolean
}

/**
 * In PostgreSQL other processes project into the same rows: position, ledger and quarantined streams then follow the
 * database, and any call may throw `ReadModelUnavailable`. It recovers by itself when the database is back.
 */
export interface ReadModel {
  /**
   * The projection's checkpoint, committed; 0n at the start. It may go back, where the database lost its newest
   * commits in a crash or was cleared.
   */
  readonly position: bigint
  /** Whether the database can be reached, as far as is known. */
  readonly available: boolean
  /** What the processes that share a PostgreSQL tell each other; undefined with a file. */
  readonly replicas: Replicas | undefined
  /** The log that was projected; undefined before its first event. */
  readonly ledger: Ledger | undefined
  /** The streams whose later events are skipped; their assistants answer `StreamUnreadable`. */
  readonly quarantined: readonly Quarantined[]
  /** Resolves with true once `position` is projected, with false at the timeout or when the model is closed. */
  reached(position: bigint, timeout_ms: number): Promise<boolean>
  /** Calls the listener after each commit that moved the checkpoint. Returns what ends that. */
  onAdvance(listener: (position: bigint) => void): () => void
  /**
   * Projects events, in the log's order, in one transaction with the checkpoint, which then stands at `through`.
   * Events that a row has seen are skipped.
   * @throws CheckpointMoved another projection works on the same database: nothing was written
   * @throws RevisionGap an event of a stream is missing: nothing was written
   * @throws StreamUnreadable an event cannot be read and its stream may not be quarantined: nothing was written
   * @throws ReadModelUnavailable it may have been written: `refresh()` tells
   */
  apply(events: readonly Projected[], through: bigint, options?: ApplyOptions): Promise<void>
  /**
   * Makes what a rebuild of a file leaves for its end, without which searches find nothing. Nothing may be applied
   * meanwhile. Broken off it is begun anew the next time; of what is finished it does nothing.
   * @returns whether it is made; false after the signal
   */
  finish(signal?: AbortSignal): Promise<boolean>
  /** Takes the checkpoint, the ledger and the quarantined streams from the database: before a projection begins. */
  refresh(): Promise<void>
  /** Takes everything away and puts the checkpoint back to the start, for all processes: what is in it is of another log. */
  clear(): Promise<void>
  /**
   * The state of an assistant at the projected revision, EMPTY when it is unknown. It holds the live content only,
   * a bounded part of each promotion history (then `'not-loaded'`), and of the commands the one asked for.
   * @throws StreamUnreadable
   */
  loadState(assistantId: string, commandId?: string): Promise<State>
  /** @throws StreamUnreadable */
  content(assistantId: string, generation: number, version: number): Promise<VersionRow | undefined>
  /** @throws StreamUnreadable */
  assistant(assistantId: string, environment: string): Promise<AssistantRow | undefined>
  /**
   * The answer that a command got: the assistant at that version, whatever it points to by now.
   * @throws StreamUnreadable
   */
  answerAt(
    assistantId: string,
    generation: number,
    version: number,
    updatedAt: string,
  ): Promise<Assistant | undefined>
  /** @throws FilterTooLarge @throws ResultTooLarge */
  search(search: AssistantSearch): Promise<SearchResult>
  /** @throws FilterTooLarge */
  count(filter: AssistantFilter): Promise<number>
  /**
   * The versions of the present life, newest first.
   * @throws StreamUnreadable @throws FilterTooLarge @throws ResultTooLarge
   */
  versions(assistantId: string, query: VersionsQuery): Promise<AssistantVersion[]>
  /**
   * A version of the present life, or of the given generation.
   * @throws StreamUnreadable
   */
  version(
    assistantId: string,
    version: number,
    generation?: number,
  ): Promise<(AssistantVersion & { readonly generation: number }) | undefined>
  /** Every config key that these assistants have or had. */
  keysOf(assistantIds: readonly string[]): Promise<ConfigKey[]>
  /** Every config key there is, page by page; what changes meanwhile may show in either state. */
  keys(): AsyncIterable<ConfigKey>
  /** Every graph that ever had a config key. */
  graphs(): Promise<string[]>
  readonly fleet: FleetModel
  /**
   * Puts what was built beside in the place of this read model, for all processes that share it; queries go on. With a
   * file, nobody may project into it meanwhile; in PostgreSQL whoever does finds out, and begins again.
   * @param complete projects the rest: up to `position`, where this one is, or further
   * @throws ReadModelUnavailable the one that was live is live still
   */
  replace(complete: (rebuilt: ReadModel, position: bigint) => Promise<void>): Promise<void>
  readonly descriptors: DescriptorModel
  close(): Promise<void>
}
