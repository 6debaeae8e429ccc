// The body of a request: JSON whatever its content type says, since clients send it as text too. An object's keys are
// plain properties, `__proto__` among them.
import { invalid } from '../envelope.js'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** @param sent the bytes as they came; an absent body is an object without fields. @throws RefusalError */
export function readBody(sent: unknown): Readonly<Record<string, unknown>> {
  if (!Buffer.isBuffer(sent) || sent.length === 0) return {}
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(sent))
  } catch {
    throw invalid('Invalid JSON in request body')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  const is = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`
  throw invalid(`The body must be a JSON object, not ${is}`)
}
