// What the service answers, in the shapes of its routes. Field names are those of the LangGraph API.
import type { Content, JsonObject } from '@assistant-ledger/assistant'

export type { Content }

/** An assistant as an environment shows it. */
export interface Assistant extends Content {
  readonly assistant_id: string
  readonly version: number
  readonly created_at: string
  readonly updated_at: string
  /** Of a command that waited. */
  readonly receipt?: Receipt
  /** What of the content its graph's schema does not allow. */
  readonly violations?: readonly Violation[]
}

export const CONTENT_FIELDS = ['graph_id', 'name', 'description', 'config', 'context', 'metadata'] as const

export interface Violation {
  readonly pointer: string
  readonly message: string
}

/** What a waiting command is answered with. */
export interface Receipt {
  readonly converged: boolean
  readonly active: number
  readonly of: number
  readonly rejected: readonly { readonly runner: string; readonly reason: string }[]
  readonly lagging: readonly (string | { readonly runner: string })[]
  readonly first_ms?: number
  readonly last_ms?: number
  readonly hash: string
  readonly superseded?: JsonObject
  readonly taken_back?: JsonObject
}

export interface Version extends Content {
  readonly assistant_id: string
  readonly version: number
  readonly created_at: string
}

export interface OneVersion extends Version {
  readonly generation: number
  readonly content_hash: string
}

export interface EnvironmentPointer {
  readonly environment: string
  /** Null: nothing was promoted there yet. */
  readonly version: number | null
  readonly updated_at: string | null
}

/** Where a promotion stands, runner by runner. */
export interface Standing {
  readonly assistant_id: string
  readonly environment: string
  readonly graph_id: string
  readonly generation: number
  readonly version: number
  readonly hash: string
  readonly ref: string
  readonly revision: number
  readonly promoted_at: string
  readonly promoted_by: { readonly id: string; readonly verified: boolean }
  readonly reason?: string
  readonly converged: boolean
  readonly of: number
  readonly active: readonly { readonly runner: string; readonly since: string; readonly after_ms: number }[]
  readonly rejected: readonly { readonly runner: string; readonly reason: string; readonly on?: string }[]
  readonly lagging: readonly { readonly runner: string; readonly on?: string }[]
  /** Those that left before they said anything of it. */
  readonly gone?: readonly { readonly runner: string; readonly at: string; readonly reason: string }[]
  readonly superseded?: JsonObject
  readonly taken_back?: JsonObject
}

export interface Runner {
  readonly runner: string
  readonly instance: string
  readonly build: string | null
  readonly environment: string
  readonly graphs: readonly string[]
  readonly assistants?: readonly string[]
  readonly since: string
  readonly state: string
  /** When and why it left. */
  readonly gone?: { readonly at: string; readonly reason: string }
  readonly age_ms?: number | null
  readonly heard_ms?: number | null
}
