// What a runner sends of a graph.
import { CONTENT_LIMITS, type JsonObject } from '@assistant-ledger/assistant'
import { applyDecorators } from '@nestjs/common'
import { IsObject, IsOptional, Length } from 'class-validator'
import { IsText } from '../fields.js'
import { FLEET_LIMITS } from '../fleet/limits.js'

const IsName = (longest: number) =>
  applyDecorators(
    IsText(),
    Length(1, longest, { message: '$property must have $constraint1 to $constraint2 characters' }),
  )

export class RegisterRequest {
  @IsName(CONTENT_LIMITS.graphId) readonly graph_id!: string
  /** The name that the runner reports under. */
  @IsName(FLEET_LIMITS.name) readonly runner!: string
  @IsOptional() @IsName(FLEET_LIMITS.name) readonly build?: string
  /** The domain's to judge, whole. */
  @IsObject({ message: 'descriptor must be an object' }) readonly descriptor!: JsonObject
}
