// What can be asked of an assistant. A command is plain data; time, ids and salt come in with its context, so
// that `decide` is pure.
import type { Actor, Guard } from './events.js'
import type { JsonObject } from './json.js'
import type { SchemaCheck } from './violations.js'

/** The content fields as a caller gives them: absent (or null, at the API) means "keep" or "default". */
export interface ContentPatch {
  readonly graph_id?: string
  readonly name?: string
  readonly description?: string | null
  readonly config?: JsonObject
  readonly context?: JsonObject
  readonly metadata?: JsonObject
}

export type Command =
  | {
      readonly type: 'create'
      readonly assistant_id: string
      readonly content: ContentPatch & { readonly graph_id: string }
      readonly if_exists: 'raise' | 'do_nothing'
    }
  /** A new version; `promote_to` absent leaves every environment where it is. */
  | { readonly type: 'change'; readonly patch: ContentPatch; readonly promote_to?: string }
  | {
      readonly type: 'promote'
      readonly environment: string
      /** A version number, or the environment whose version to take. */
      readonly version: number | { readonly from: string }
      /** The revision of the pointer that the caller saw (see {@link Pointer}); a differing one is refused as `moved`. */
      readonly seen?: bigint
      /** The version that the caller says it replaces; another one is refused as `moved`. */
      readonly replaces?: number
      readonly guard?: Guard
    }
  | {
      readonly type: 'rollback'
      readonly environment: string
      readonly seen?: bigint
      readonly replaces?: number
    }
  /** `delete_threads` is handed on to whoever owns threads: there are none here. */
  | { readonly type: 'delete'; readonly delete_threads?: true }

/** Everything that a decision needs beside the state and the command itself. */
export interface CommandContext {
  /** The stream `assistant.<project>-<uuid>`. */
  readonly stream: string
  readonly commandId: string
  readonly commandHash: string
  /** True when an Idempotency-Key was given. */
  readonly keyed: boolean
  readonly actor: Actor
  readonly reason?: string
  readonly correlationId?: string
  /** The id of the event that caused the command, when one did. */
  readonly causationId?: string
  /** If-Match. */
  readonly ifRevision?: bigint
  /** The clock, as `at` is written (see `timestamp`). */
  readonly now: string
  /** Two salts, 16 random bytes each, base64url: a command records at most two events. */
  readonly salts: readonly [string, string]
  /** The graphs of langgraph.json; absent: any graph is taken. */
  readonly graphs?: ReadonlySet<string>
  readonly environments: ReadonlySet<string>
  /** X-Allow-Secrets: what looks like a secret is recorded all the same, if the command has a reason. */
  readonly allowSecrets?: boolean
  /** Absent: nobody asked what the schemas of the graph say. */
  readonly check?: SchemaCheck
}
