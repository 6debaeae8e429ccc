// From what Ajv says of a value to what people are told: where, and what is wrong there, in few and plain words. Nothing of
// the value is in it; what a schema says is.
import type { Violation } from '@assistant-ledger/assistant'
import { VALIDATION_LIMITS } from './limits.js'
import type { SchemaError } from './schema-checker.js'

/** Allowed values that are looked at: more do not fit into a message. */
const ALLOWED = 50

/** Says of others that one of them holds, or that those below decide. */
const UMBRELLAS: ReadonlySet<string> = new Set(['anyOf', 'oneOf', 'if', 'allOf'])

/**
 * The violations behind the errors of one value.
 * @param field pointer of the value in its content
 */
export function violationsOf(
  errors: readonly SchemaError[],
  field: string,
  descriptor: string,
): readonly Violation[] {
  const told = new Map<string, Violation>()
  for (const [pointer, found] of byPointer(errors)) {
    const own = found.filter(({ keyword }) => !UMBRELLAS.has(keyword))
    const below = () => errors.some(({ instancePath }) => instancePath.startsWith(`${pointer}/`))
    const said = own.length === 0 && !below() ? found : own
    for (const message of messagesOf(said)) {
      const violation = { pointer: cut(field + pointer, VALIDATION_LIMITS.pointer), message, descriptor }
      told.set(`${violation.pointer} ${message}`, violation)
    }
  }
  return [...told.values()]
}

/** In the order of the errors. A property that may not be there is meant itself, not what it stands in. */
function byPointer(errors: readonly SchemaError[]): Map<string, SchemaError[]> {
  const found = new Map<string, SchemaError[]>()
  for (const error of errors) {
    const extra = error.params.additionalProperty ?? error.params.unevaluatedProperty
    const pointer =
      typeof extra === 'string'
        ? `${error.instancePath}/${extra.replaceAll('~', '~0').replaceAll('/', '~1')}`
        : error.instancePath
    found.set(pointer, [...(found.get(pointer) ?? []), error])
  }
  return found
}

/** Several types are the branches of one choice: the value may be any of them. */
function messagesOf(errors: readonly SchemaError[]): string[] {
  const types = errors.filter(({ keyword }) => keyword === 'type')
  const messages = errors.filter(({ keyword }) => keyword !== 'type').map(messageOf)
  if (types.length > 0) {
    const allowed = new Set(types.flatMap(({ params }) => params.type as string | string[]))
    messages.unshift(`must be ${[...allowed].join(' or ')}`)
  }
  return [...new Set(messages)].map((message) => cut(message, VALIDATION_LIMITS.message))
}

function messageOf({ keyword, params, message }: SchemaError): string {
  switch (keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return 'is no property that the schema knows'
    case 'enum':
      return `must be one of ${(params.allowedValues as unknown[])
        .slice(0, ALLOWED)
        .map((value) => JSON.stringify(value))
        .join(', ')}`
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue)}`
    default:
      return message ?? `breaks the rule ${keyword}`
  }
}

function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest).toWellFormed()}…` : text
}
