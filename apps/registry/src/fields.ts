// The checks that fields of several requests have in common, as decorators with one clear message each.
import { applyDecorators } from '@nestjs/common'
import { IsInt, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator'
import { LIMITS } from './limits.js'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** An assistant id: a UUID of any version, in any case; `idOf` lower-cases it. */
export const IsAssistantId = () => Matches(UUID, { message: 'Invalid assistant ID: must be a UUID' })

export const IsText = (longest?: number) =>
  longest === undefined
    ? IsString({ message: '$property must be a string' })
    : applyDecorators(
        MaxLength(longest, { message: '$property may have $constraint1 characters' }),
        IsString({ message: '$property must be a string' }),
      )

/** An optional JSON object; what is in it is the domain's to check. */
export const IsJsonObject = () =>
  applyDecorators(IsOptional(), IsObject({ message: '$property must be an object' }))

/** A version or generation number. */
export const IsNumberFromOne = () =>
  applyDecorators(
    Max(Number.MAX_SAFE_INTEGER, { message: '$property must be at most $constraint1' }),
    Min(1, { message: '$property must be at least $constraint1' }),
    IsInt({ message: '$property must be an integer' }),
  )

export const IsLimit = () =>
  applyDecorators(
    Max(LIMITS.pageSize, { message: '$property must be at most $constraint1' }),
    Min(1, { message: '$property must be at least $constraint1' }),
    IsInt({ message: '$property must be an integer' }),
  )

export const IsOffset = () =>
  applyDecorators(
    Max(LIMITS.offset, { message: '$property must be at most $constraint1' }),
    Min(0, { message: '$property must be at least $constraint1' }),
    IsInt({ message: '$property must be an integer' }),
  )

/** Assistant ids are lower-cased on entry. */
export const idOf = (text: string): string => text.toLowerCase()
