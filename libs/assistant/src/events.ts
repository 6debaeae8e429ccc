// What is recorded of an assistant, for ever. The names and fields here are storage format: an event that was
// written once must stay readable, so a change goes through a new `schema` number and `upcast.ts`.
import type { Content } from './content.js'
import type { Violation } from './violations.js'

/** Who acted: `verified` only when an authentication proved it, not when a header claimed it. */
export interface Actor {
  readonly id: string
  readonly verified: boolean
  /** The way the command came in. */
  readonly via: 'nats' | 'http' | 'system'
}

/** What was found in a content and taken all the same; absent when there was nothing. */
export interface Noted {
  /** What the schemas known of its graph at that time did not allow. */
  readonly violations?: readonly Violation[]
  /** JSON pointers of what looked like a secret; the reason of the command says why it may be there. */
  readonly secrets?: readonly string[]
}

/** Where an event comes from that was not a command here, and when it happened there. */
export interface Imported {
  /** The base URL of the server. */
  readonly from: string
  /** As it says itself, in the form of our own times. */
  readonly at: string
}

/** A life of an id begins: version 1 with its whole content, which environment `live` then points to. */
export interface AssistantCreated {
  readonly type: 'AssistantCreated'
  readonly data: Noted & {
    readonly assistant_id: string
    readonly generation: number
    readonly version: 1
    readonly content: Content
    readonly imported?: Imported
    readonly salt: string
  }
}

/** A new version, highest + 1, with its whole content. No environment points to it yet. */
export interface ConfigChanged {
  readonly type: 'ConfigChanged'
  readonly data: Noted & {
    readonly version: number
    readonly content: Content
    readonly imported?: Imported
    readonly salt: string
  }
}

/** What a guarded promotion asks of the runners that follow it. */
export interface Guard {
  /** Percent of them that have to be active, 1 to 100. */
  readonly min_active: number
  /** Milliseconds after the promotion by which they have to be. */
  readonly within_ms: number
  /** What a single refusal does: `rollback` breaks the rule at once, `ignore` only counts as not active. */
  readonly on_reject: 'rollback' | 'ignore'
}

/** An environment's pointer moves to `version`. `replaces` is absent when the environment pointed nowhere. */
export interface VersionPromoted {
  readonly type: 'VersionPromoted'
  readonly data: Pick<Noted, 'violations'> & {
    readonly version: number
    readonly replaces?: number
    readonly environment: string
    /** True when the promotion pops the environment's history instead of pushing onto it. */
    readonly rollback?: true
    /** The rule that the runners have to meet, or the promotion is taken back. */
    readonly guard?: Guard
    readonly imported?: Imported
    readonly salt: string
  }
}

/** A life of an id ends. */
export interface AssistantDeleted {
  readonly type: 'AssistantDeleted'
  readonly data: {
    /** True when whoever owns threads was asked to delete those of the assistant too; absent otherwise. */
    readonly delete_threads?: true
    readonly salt: string
  }
}

/** A command with an Idempotency-Key that changed nothing, noted so that its late retry changes nothing either. */
export interface CommandNoted {
  readonly type: 'CommandNoted'
  readonly data: {
    readonly verb: string
    /** What the command's first answer showed: see {@link Outcome}. */
    readonly generation: number
    readonly version: number
    readonly updated_at: string
    readonly salt: string
  }
}

export type AssistantEvent =
  | AssistantCreated
  | ConfigChanged
  | VersionPromoted
  | AssistantDeleted
  | CommandNoted

/** The time that is shown of an event: when it happened, also where that was elsewhere. */
export const shownAt = ({ data }: AssistantEvent, at: string): string =>
  ('imported' in data ? data.imported?.at : undefined) ?? at

/** The metadata of every event. What is unknown is absent, never null. */
export interface EventMetadata {
  readonly $correlationId: string
  readonly $causationId: string
  readonly commandId: string
  readonly commandHash: string
  readonly actor: Actor
  readonly reason?: string
  /** Version of the event's data format, from 1. */
  readonly schema: number
  /** `YYYY-MM-DDTHH:MM:SS.ffffff+00:00`; never runs backwards in a stream. */
  readonly at: string
  readonly dataHash: string
  readonly previousHash: string
  readonly hash: string
}

/** An assistant's event as read back and brought to the newest format. */
export interface Recorded<E = AssistantEvent> {
  readonly revision: bigint
  readonly event: E
  readonly metadata: EventMetadata
}
