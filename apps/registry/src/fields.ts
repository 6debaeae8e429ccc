// The checks that fields of several requests have in common, as decorators with one clear message each. The first that
// fails is what is said, so the type comes first.
import { applyDecorators } from '@nestjs/common'
import { IsIn, IsInt, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator'
import { FLEET_LIMITS } from './fleet/limits.js'
import { LIMITS } from './limits.js'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** An assistant id: a UUID of any version, in any case; `idOf` lower-cases it. */
export const IsAssistantId = () => Matches(UUID, { message: 'Invalid assistant ID: must be a UUID' })

export const IsText = (longest?: number) =>
  longest === undefined
    ? IsString({ message: '$property must be a string' })
    : applyDecorators(
        IsString({ message: '$property must be a string' }),
        MaxLength(longest, { message: '$property may have $constraint1 characters' }),
      )

/** An optional JSON object; what is in it is the domain's to check. */
export const IsJsonObject = () =>
  applyDecorators(IsOptional(), IsObject({ message: '$property must be an object' }))

/** A version or generation number. */
export const IsNumberFromOne = () =>
  applyDecorators(
    IsInt({ message: '$property must be an integer' }),
    Max(Number.MAX_SAFE_INTEGER, { message: '$property must be at most $constraint1' }),
    Min(1, { message: '$property must be at least $constraint1' }),
  )

/** Of a stream, from 0. */
export const IsRevision = () =>
  applyDecorators(
    IsInt({ message: '$property must be an integer' }),
    Max(Number.MAX_SAFE_INTEGER, { message: '$property must be at most $constraint1' }),
    Min(0, { message: '$property must be at least $constraint1' }),
  )

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)$/

/** A time as the API writes them, in UTC; fewer digits and `Z` will do. */
export const IsTime = () =>
  Matches(TIME, { message: '$property must be a time in UTC, such as 2026-01-31T12:00:00Z' })

/** A time as it is recorded, so that text order is time order. */
export const timeOf = (text: string): string => {
  const [, seconds = '', fraction = ''] = /^([^.Z+]+)(?:\.(\d+))?/.exec(text) ?? []
  return `${seconds}.${fraction.padEnd(6, '0')}+00:00`
}

export const IsLimit = () =>
  applyDecorators(
    IsInt({ message: '$property must be an integer' }),
    Max(LIMITS.pageSize, { message: '$property must be at most $constraint1' }),
    Min(1, { message: '$property must be at least $constraint1' }),
  )

export const IsOffset = () =>
  applyDecorators(
    IsInt({ message: '$property must be an integer' }),
    Max(LIMITS.offset, { message: '$property must be at most $constraint1' }),
    Min(0, { message: '$property must be at least $constraint1' }),
  )

/** What a command that moves an environment may wait for, beside being durable. */
export const IsWait = () =>
  applyDecorators(IsOptional(), IsIn(['converged'], { message: 'wait must be converged' }))

/** How long it waits. */
export const IsWaitTime = () =>
  applyDecorators(
    IsOptional(),
    IsInt({ message: '$property must be an integer' }),
    Max(FLEET_LIMITS.wait_ms, { message: '$property must be at most $constraint1' }),
    Min(1, { message: '$property must be at least $constraint1' }),
  )

/** Assistant ids are lower-cased on entry. */
export const idOf = (text: string): string => text.toLowerCase()
