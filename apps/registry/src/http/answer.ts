// What is sent back: a reply of the handlers, or what was thrown, as status, headers and JSON text. The status of a
// refusal is the one that the registry of refusals gives its code.
import { REFUSALS, type Refusal } from '@assistant-ledger/assistant'
import { HttpException } from '@nestjs/common'
import { HttpRefusal } from '../auth/authorizer.js'
import { BusReply } from '../bus/contract.js'
import { fault } from '../lines.js'
import { refusalOf } from '../unavailable.js'
import { HTTP_LIMITS } from './limits.js'

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON text; undefined where the status says that there is none. */
  readonly body: string | undefined
}

/** The reply of a handler. One without a body is a 204: clients cannot read an empty 200. */
export function answerOf({ text, headers }: BusReply): HttpAnswer {
  if (text === 'null') return { status: 204, headers, body: undefined }
  const revision = headers['Ledger-Revision']
  return {
    status: 200,
    headers: revision === undefined ? headers : { ...headers, ETag: `"${revision}"` },
    body: text,
  }
}

/**
 * The answer to what a handler, Nest or Fastify threw.
 * @param what names the request in the log where the cause has to be looked up there
 */
export function refusedWith(thrown: unknown, what: string, requestId: string): HttpAnswer {
  const refusal = refusalOf(thrown)
  if (refusal) return refused(refusal)
  if (thrown instanceof HttpRefusal)
    return { status: thrown.status, headers: thrown.headers, body: JSON.stringify({ detail: thrown.detail }) }
  if (thrown instanceof HttpException) return fromNest(thrown)
  const cause = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  fault(`${what} failed (${requestId}): ${cause}`)
  return answered(500, `The service failed; its log has the cause under ${requestId}`, { code: 'internal' })
}

/** What an answer is counted as: `ok`, or the code of the refusal. */
export function outcomeOf(outcome: unknown): string {
  if (outcome instanceof BusReply) return 'ok'
  const refusal = refusalOf(outcome)
  if (refusal) return refusal.code
  const status = (outcome as { status?: unknown } | undefined)?.status
  return typeof status === 'number' ? String(status) : 'internal'
}

function refused(refusal: Refusal): HttpAnswer {
  const { code, detail, ...more } = refusal
  const { status } = REFUSALS[code]
  const { revision } = more
  return {
    status,
    headers: {
      ...(status === 429 || status === 503 ? { 'Retry-After': String(HTTP_LIMITS.retryAfter_s) } : {}),
      ...(code === 'revision-mismatch' && revision !== undefined && revision >= 0
        ? { ETag: `"${revision}"` }
        : {}),
    },
    body: JSON.stringify({ detail, code, ...more }),
  }
}

/** Nest says in its own form what it refuses; health says itself what it has to say, and keeps its form. */
function fromNest(exception: HttpException): HttpAnswer {
  const status = exception.getStatus()
  const said = exception.getResponse()
  if (typeof said === 'object' && said !== null && !('message' in said))
    return { status, headers: {}, body: JSON.stringify(said) }
  if (status === 413)
    return answered(status, `The body may have ${HTTP_LIMITS.bodyBytes} bytes`, { code: 'too-large' })
  return answered(status, exception.message)
}

export const answered = (status: number, detail: string, more: object = {}): HttpAnswer => ({
  status,
  headers: {},
  body: JSON.stringify({ detail, ...more }),
})
