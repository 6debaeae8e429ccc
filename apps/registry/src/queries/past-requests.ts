// The bodies of the questions about the past.
import { ENTRY_TYPES, HISTORY_LIMITS } from '@assistant-ledger/history'
import { IsBoolean, IsInt, IsOptional, Max, Min } from 'class-validator'
import { ContentFields } from '../commands/requests.js'
import { IsAssistantId, IsNumberFromOne, IsText } from '../fields.js'
import { LIMITS } from '../limits.js'

/** The types of entries that `type` may name, one or several, with commas. */
export const HISTORY_TYPES: readonly string[] = ENTRY_TYPES

export class DiffRequest {
  @IsAssistantId() readonly assistant_id!: string
  /** Points: a version, an environment, a time, a position. */
  @IsText(HISTORY_LIMITS.point) readonly from!: string
  @IsText(HISTORY_LIMITS.point) readonly to: string = 'live'
  /** The one that is meant by times and positions. */
  @IsText() readonly environment: string = 'live'
}

export class BlameRequest {
  @IsAssistantId() readonly assistant_id!: string
  /** A point. */
  @IsText(HISTORY_LIMITS.point) readonly of: string = 'live'
  @IsText() readonly environment: string = 'live'
  /** A JSON pointer; the fields below it alone. */
  @IsOptional() @IsText(HISTORY_LIMITS.pointer) readonly path?: string
}

/** Of a version of the present life, of the one that an environment shows, or of the content that an update would bring. */
export class ImpactRequest extends ContentFields {
  @IsAssistantId() readonly assistant_id!: string
  @IsOptional() @IsNumberFromOne() readonly version?: number
  @IsOptional() @IsText() readonly from?: string
  @IsOptional() @IsText() readonly graph_id?: string
  /** Where it would be promoted to. */
  @IsText() readonly environment: string = 'live'
}

export class HistoryRequest {
  /** Absent: of all assistants. */
  @IsOptional() @IsAssistantId() readonly assistant_id?: string
  @Max(HISTORY_LIMITS.page, { message: '$property must be at most $constraint1' })
  @Min(1, { message: '$property must be at least $constraint1' })
  @IsInt({ message: '$property must be an integer' })
  readonly limit: number = HISTORY_LIMITS.defaultPage
  /** `next` of the page before. */
  @IsOptional() @IsText(HISTORY_LIMITS.point) readonly before?: string
  @IsOptional() @IsText(LIMITS.actor) readonly actor?: string
  @IsOptional() @IsText() readonly type?: string
  @IsOptional() @IsText() readonly graph_id?: string
  @IsOptional() @IsText() readonly environment?: string
  /** Times in ISO form. */
  @IsOptional() @IsText(HISTORY_LIMITS.point) readonly since?: string
  @IsOptional() @IsText(HISTORY_LIMITS.point) readonly until?: string
  /** A part of the reason. */
  @IsOptional() @IsText(LIMITS.reason) readonly reason?: string
  /** Also what runners reported on it. */
  @IsOptional() @IsBoolean({ message: 'receipts must be true or false' }) readonly receipts?: boolean
}

export class ChangesRequest {
  /** Absent: of all assistants. */
  @IsOptional() @IsAssistantId() readonly assistant_id?: string
  @IsOptional() @IsText() readonly graph_id?: string
  @IsOptional() @IsText() readonly type?: string
  @IsOptional() @IsText(LIMITS.actor) readonly actor?: string
  @IsOptional() @IsText() readonly environment?: string
  /** A part of the reason. */
  @IsOptional() @IsText(LIMITS.reason) readonly reason?: string
  /** The position of the last change that is known; Last-Event-ID goes before it. */
  @IsOptional() @IsText() readonly after?: string
}
