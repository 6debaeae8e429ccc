// The bodies of the queries, with the defaults and limits of the LangGraph API.
import type { JsonObject } from '@assistant-ledger/assistant'
import { HISTORY_LIMITS } from '@assistant-ledger/history'
import { ArrayMaxSize, IsArray, IsBoolean, IsIn, IsOptional } from 'class-validator'
import {
  IsAssistantId,
  IsJsonObject,
  IsLimit,
  IsNumberFromOne,
  IsOffset,
  IsRevision,
  IsText,
  IsTime,
} from '../fields.js'
import { FLEET_LIMITS } from '../fleet/limits.js'
import { LIMITS } from '../limits.js'

/** What the list of assistants can be sorted by. */
export const SORT_FIELDS = ['assistant_id', 'created_at', 'updated_at', 'name', 'graph_id'] as const
/** The fields of an Assistant, of which `select` takes some. */
export const ASSISTANT_FIELDS = [
  'assistant_id',
  'graph_id',
  'name',
  'description',
  'config',
  'context',
  'created_at',
  'updated_at',
  'metadata',
  'version',
] as const

const oneOf = (field: string, values: readonly string[]) => ({
  message: `${field} must be one of ${values.join(', ')}`,
})

export class GetRequest {
  @IsAssistantId() readonly assistant_id!: string
  @IsText() readonly environment: string = 'live'
  /** As of a time, or of a position of the log. */
  @IsOptional() @IsText(HISTORY_LIMITS.point) readonly at?: string
}

export class CountRequest {
  @IsJsonObject() readonly metadata?: JsonObject
  /** A plain filter: a graph that is no longer deployed still has its assistants. */
  @IsOptional() @IsText() readonly graph_id?: string
  /** A part of the name, in any case. */
  @IsOptional() @IsText(LIMITS.nameFilter) readonly name?: string
}

export class SearchRequest extends CountRequest {
  @IsLimit() readonly limit: number = LIMITS.defaultPageSize
  @IsOffset() readonly offset: number = 0
  @IsIn(SORT_FIELDS, oneOf('sort_by', SORT_FIELDS))
  readonly sort_by: (typeof SORT_FIELDS)[number] = 'created_at'
  @IsIn(['asc', 'desc'], oneOf('sort_order', ['asc', 'desc']))
  readonly sort_order: 'asc' | 'desc' = 'desc'
  @IsOptional()
  @IsIn(ASSISTANT_FIELDS, { each: true, ...oneOf('select', ASSISTANT_FIELDS) })
  @ArrayMaxSize(LIMITS.select, { message: 'select may have $constraint1 fields' })
  @IsArray({ message: 'select must be a list of fields' })
  readonly select?: readonly (typeof ASSISTANT_FIELDS)[number][]
}

/** Three questions, told apart by `questionOf`: that is why nothing has a default here. */
export class FleetRequest {
  /** Absent: the runners; given: where the assistant's promotion stands. */
  @IsOptional() @IsAssistantId() readonly assistant_id?: string
  /** `live` for an assistant, all for runners. */
  @IsOptional() @IsText() readonly environment?: string
  /** The assistant's promotions instead, newest first. */
  @IsOptional() @IsBoolean({ message: 'promotions must be true or false' }) readonly promotions?: boolean
  /** The promotion of that stream revision, for the runners that were there then. */
  @IsOptional() @IsRevision() readonly revision?: number
  /** As of a time. */
  @IsOptional() @IsTime() readonly at?: string
  /** All runners of that name, with what each is on. */
  @IsOptional() @IsText(FLEET_LIMITS.name) readonly runner?: string
  /** Also those that are there no longer. */
  @IsOptional() @IsBoolean({ message: 'gone must be true or false' }) readonly gone?: boolean
  @IsOptional() @IsLimit() readonly limit?: number
  @IsOptional() @IsOffset() readonly offset?: number
}

export class VersionsRequest {
  @IsAssistantId() readonly assistant_id!: string
  @IsJsonObject() readonly metadata?: JsonObject
  @IsLimit() readonly limit: number = LIMITS.defaultPageSize
  @IsOffset() readonly offset: number = 0
}

export class VersionRequest {
  @IsAssistantId() readonly assistant_id!: string
  @IsNumberFromOne() readonly version!: number
  /** The present life of the id when absent. */
  @IsOptional() @IsNumberFromOne() readonly generation?: number
}
