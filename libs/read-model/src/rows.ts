// The rows as the API shows them: the row type is the answer.
import type { Actor, Content, JsonObject } from '@assistant-ledger/assistant'

/** An assistant as LangGraph's API has it. */
export interface Assistant {
  readonly assistant_id: string
  readonly graph_id: string
  readonly version: number
  readonly name: string
  readonly description: string | null
  readonly config: JsonObject
  readonly context: JsonObject
  readonly metadata: JsonObject
  readonly created_at: string
  readonly updated_at: string
}

/** A version as LangGraph's API has it: `created_at` is when it was made. */
export type AssistantVersion = Omit<Assistant, 'updated_at'>

/** A version with what identifies it. */
export type VersionRow = AssistantVersion & { readonly generation: number; readonly content_hash: string }

/** What one key of the config bucket must say, and since which event. */
export type ConfigKey = {
  readonly environment: string
  readonly graphId: string
  readonly assistantId: string
  readonly generation: number
  readonly version: number
  readonly revision: bigint
  readonly position: bigint
  readonly promotedAt: string
  readonly promotedBy: Actor
} & (
  | { readonly state: 'live'; readonly content: Content; readonly contentHash: string }
  | { readonly state: 'deleted' }
  | { readonly state: 'moved'; readonly to: string }
)

export function assistantOf(
  assistant_id: string,
  version: number,
  content: Content,
  created_at: string,
  updated_at: string,
): Assistant {
  return { ...versionOf(assistant_id, version, content, created_at), updated_at }
}

export function versionOf(
  assistant_id: string,
  version: number,
  content: Content,
  created_at: string,
): AssistantVersion {
  const { graph_id, name, description, config, context, metadata } = content
  return { assistant_id, graph_id, version, name, description, config, context, metadata, created_at }
}
