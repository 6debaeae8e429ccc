// The edge: from the JSON of a request to a checked request object. class-validator sees the envelope only; config,
// context and metadata stay the very objects that were parsed, and are checked iteratively.
import { checkJson, type JsonObject, type JsonValue, refuse } from '@assistant-ledger/assistant'
import { getMetadataStorage, validateSync } from 'class-validator'
import { RefusalError } from './bus/contract.js'

/** A request class: its decorated properties are the fields that a request may have, its initialisers the defaults. */
export type RequestClass<T> = new () => T

/** A request's fields as they were sent. */
export type Fields = Readonly<Record<string, JsonValue>>

/**
 * Reads a request: a plain object, no unknown fields, null as absent, each field as its class says.
 * @param judged fields whose content the caller judges whole, so that it says what is wrong with a number in it
 * @throws RefusalError `invalid-request`, or `invalid-config` for values that could not be read back equal
 */
export function readRequest<T extends object>(
  type: RequestClass<T>,
  body: unknown,
  judged: readonly (keyof T & string)[] = [],
): T {
  const request = new type()
  const known = fieldsOf(type)
  for (const [field, value] of Object.entries(fieldsIn(body))) {
    if (!known.has(field))
      throw invalid(
        `Unknown field ${JSON.stringify(field.slice(0, 100))}; known are ${[...known].join(', ')}`,
        field,
      )
    if (value === null) continue
    // A number by itself is what its field's own rule says, however large.
    if (typeof value !== 'number' && !(judged as readonly string[]).includes(field)) {
      const checked = checkJson(value, field)
      if (!checked.ok) throw new RefusalError(checked.refusal)
    }
    ;(request as Record<string, unknown>)[field] = value
  }
  const [fault] = validateSync(request, OPTIONS)
  if (!fault) return request
  const { property, constraints = {} } = fault
  const absent = (request as Record<string, unknown>)[property] === undefined
  const [first = `${property} is not valid`] = Object.values(constraints)
  throw invalid(absent ? `${property} is required` : first, property)
}

/** What is no part of what a command does: whom it goes to is compared apart, and a wait is only about the answer. */
const NOT_OF_THE_COMMAND: ReadonlySet<string> = new Set(['assistant_id', 'wait', 'wait_ms'])

/** What a command asks, as it was received: what a retry is compared by. */
export function commandOf(body: unknown): JsonObject {
  return Object.fromEntries(
    Object.entries(fieldsIn(body)).filter(([field]) => !NOT_OF_THE_COMMAND.has(field)),
  )
}

export function invalid(detail: string, field?: string): RefusalError {
  return new RefusalError(
    refuse('invalid-request', detail, field === undefined ? {} : { field: field.slice(0, 100) }),
  )
}

const OPTIONS = {
  stopAtFirstError: true,
  forbidUnknownValues: false,
  skipMissingProperties: false,
  validationError: { target: false, value: false },
} as const

function fieldsIn(body: unknown): Fields {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    const sent = body === null ? 'null' : Array.isArray(body) ? 'an array' : `a ${typeof body}`
    throw invalid(`The request must be a JSON object, not ${sent}`)
  }
  return body as Fields
}

const FIELDS = new Map<RequestClass<object>, ReadonlySet<string>>()

/** The names of the fields that a request may have. */
export function fieldsOf(type: RequestClass<object>): ReadonlySet<string> {
  let fields = FIELDS.get(type)
  if (!fields) {
    const rules = getMetadataStorage().getTargetValidationMetadatas(type, '', false, false)
    fields = new Set(rules.map((rule) => rule.propertyName))
    FIELDS.set(type, fields)
  }
  return fields
}
