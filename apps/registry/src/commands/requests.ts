// The bodies of the commands. Fields named as in the LangGraph API; content fields are the domain's to judge.
import type { JsonObject } from '@assistant-ledger/assistant'
import { IsBoolean, IsIn, IsOptional } from 'class-validator'
import { IsAssistantId, IsJsonObject, IsNumberFromOne, IsText, IsWait, IsWaitTime } from '../fields.js'

/** The content that is brought, apart from its graph. */
export class ContentFields {
  @IsOptional() @IsText() readonly name?: string
  @IsOptional() @IsText() readonly description?: string
  @IsJsonObject() readonly config?: JsonObject
  @IsJsonObject() readonly context?: JsonObject
  @IsJsonObject() readonly metadata?: JsonObject
}

export class CreateRequest extends ContentFields {
  @IsText() readonly graph_id!: string
  @IsOptional() @IsAssistantId() readonly assistant_id?: string
  @IsIn(['raise', 'do_nothing'], { message: 'if_exists must be raise or do_nothing' })
  readonly if_exists: 'raise' | 'do_nothing' = 'raise'
}

export class UpdateRequest extends ContentFields {
  @IsAssistantId() readonly assistant_id!: string
  @IsOptional() @IsText() readonly graph_id?: string
  /** False: the new version is not in any environment yet. */
  @IsOptional() @IsBoolean({ message: 'promote must be true or false' }) readonly promote?: boolean
  /** The environment that the new version goes to, `live` when absent. */
  @IsOptional() @IsText() readonly promote_to?: string
  @IsWait() readonly wait?: 'converged'
  @IsWaitTime() readonly wait_ms?: number
}

export class PromoteRequest {
  @IsAssistantId() readonly assistant_id!: string
  /** Either a version or the environment to take it from. */
  @IsOptional() @IsNumberFromOne() readonly version?: number
  @IsOptional() @IsText() readonly from?: string
  @IsText() readonly environment: string = 'live'
  /** The version that the caller says is there now. */
  @IsOptional() @IsNumberFromOne() readonly replaces?: number
  /** `{min_active, within_ms, on_reject}`: the rule that takes the promotion back when it is broken. */
  @IsJsonObject() readonly guard?: JsonObject
  @IsWait() readonly wait?: 'converged'
  @IsWaitTime() readonly wait_ms?: number
}

export class RollbackRequest {
  @IsAssistantId() readonly assistant_id!: string
  @IsText() readonly environment: string = 'live'
  @IsOptional() @IsNumberFromOne() readonly replaces?: number
  @IsWait() readonly wait?: 'converged'
  @IsWaitTime() readonly wait_ms?: number
}

export class DeleteRequest {
  @IsAssistantId() readonly assistant_id!: string
  /** For whoever owns threads: there are none here. */
  @IsBoolean({ message: 'delete_threads must be true or false' }) readonly delete_threads: boolean = false
}
