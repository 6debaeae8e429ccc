// What the headers of a request say: who acts and why, under which key, on which condition. The same names on every
// way in; what cannot be read is refused, never ignored, but for a trace context, which W3C asks to ignore.
import type { Actor } from '@assistant-ledger/assistant'
import { refuse } from '@assistant-ledger/assistant'
import { RefusalError } from './bus/contract.js'
import { LIMITS } from './limits.js'

export type Headers = ReadonlyMap<string, string>

/** Who sends a command, and what is recorded of it beside the command itself. */
export interface Sender {
  readonly actor: Actor
  readonly key?: string
  readonly reason?: string
  readonly correlationId?: string
  /** The trace context that the command came in, valid as far as its id is. */
  readonly traceparent?: string
  readonly ifRevision?: bigint
  /** Whether what looks like a secret is recorded all the same; the reason says why. */
  readonly allowSecrets?: true
}

const ANONYMOUS = 'anonymous'
/** Whose keys nobody else may use: a guard's way back has one that can be guessed. */
export const OWN_ACTORS: ReadonlySet<string> = new Set(['guard', 'system'])

/** Over NATS the actor is only claimed, by a header, so it is not verified. */
const OVER_NATS: Actor = { id: ANONYMOUS, verified: false, via: 'nats' }

/**
 * Reads the headers of a command.
 * @param known who sends it, as far as authentication found out; X-Actor has a say only where it is not verified
 * @throws RefusalError `invalid-request`
 */
export function senderOf(headers: Headers, known: Actor = OVER_NATS): Sender {
  const key = text(headers, 'Idempotency-Key', LIMITS.idempotencyKey)
  const reason = text(headers, 'X-Reason', LIMITS.reason)
  const correlationId = traceId(headers.get('traceparent'))
  const ifRevision = revision(headers.get('if-match'))
  const allowSecrets = yes(headers, 'X-Allow-Secrets')
  const claimed = text(headers, 'X-Actor', LIMITS.actor)
  const actor = known.verified || claimed === undefined ? known : { ...known, id: claimed }
  if (OWN_ACTORS.has(actor.id)) throw fault(`X-Actor ${actor.id} is the service's own`)
  return {
    actor,
    ...(key === undefined ? {} : { key }),
    ...(reason === undefined ? {} : { reason }),
    ...(correlationId === undefined
      ? {}
      : { correlationId, traceparent: headers.get('traceparent') as string }),
    ...(ifRevision === undefined ? {} : { ifRevision }),
    ...(allowSecrets ? { allowSecrets } : {}),
  }
}

/** Free text that may be in any language, so its UTF-8 travels percent-encoded. */
const PERCENT_ENCODED: ReadonlySet<string> = new Set(['x-actor', 'x-reason'])
/** Headers that change what a request does: two different values of one leave it open which was meant. */
const SINGLE: ReadonlySet<string> = new Set([
  'idempotency-key',
  'if-match',
  'ledger-min-position',
  'x-actor',
  'x-allow-secrets',
  'x-reason',
])

export type Gathered =
  | { readonly ok: true; readonly headers: Headers }
  | { readonly ok: false; readonly detail: string; readonly field: string }

/** Headers as they were sent, one value each: names lower-cased, free text percent-decoded. */
export function gather(sent: Iterable<readonly [string, readonly string[]]>): Gathered {
  const headers = new Map<string, string>()
  for (const [name, values] of sent) {
    const key = name.toLowerCase()
    for (const raw of values) {
      const value = PERCENT_ENCODED.has(key) ? percentDecoded(raw) : raw
      if (value === undefined)
        return { ok: false, detail: `The header ${name} is not percent-encoded UTF-8`, field: key }
      const before = headers.get(key)
      if (before === undefined) headers.set(key, value)
      else if (before !== value && SINGLE.has(key))
        return { ok: false, detail: `The header ${name} is there twice, with two values`, field: key }
    }
  }
  return { ok: true, headers }
}

function percentDecoded(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw)
  } catch {
    return undefined
  }
}

/** The position that a query's answer must not be older than; undefined when the header is not there. */
export function minPosition(headers: Headers): bigint | undefined {
  const value = headers.get('ledger-min-position')
  if (value === undefined) return undefined
  if (!/^\d{1,20}$/.test(value)) throw fault('Ledger-Min-Position must be a decimal position')
  return BigInt(value)
}

function text(headers: Headers, name: string, longest: number): string | undefined {
  const value = headers.get(name.toLowerCase())
  if (value === undefined) return undefined
  if (value === '' || value.length > longest) throw fault(`${name} must have 1 to ${longest} characters`)
  if (!value.isWellFormed()) throw fault(`${name} holds a lone surrogate, which has no UTF-8 form`)
  return value.replaceAll('\u0000', '\ufffd')
}

function yes(headers: Headers, name: string): boolean {
  const value = headers.get(name.toLowerCase())?.toLowerCase()
  if (value !== undefined && value !== 'true' && value !== 'false')
    throw fault(`${name} must be true or false`)
  return value === 'true'
}

/** A revision, bare or as an entity tag; one that a proxy made weak names the same revision. */
function revision(value: string | undefined): bigint | undefined {
  if (value === undefined) return undefined
  const digits = /^(?:W\/)?"?(\d{1,16})"?$/.exec(value)?.[1]
  if (digits === undefined) throw fault('If-Match must be a stream revision, such as 5 or "5"')
  return BigInt(digits)
}

/** The trace id of a trace context; undefined for what is none. */
export function traceId(traceparent: string | undefined): string | undefined {
  const id = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/.exec(traceparent ?? '')?.[1]
  return id === undefined || /^0+$/.test(id) ? undefined : id
}

const fault = (detail: string) => new RefusalError(refuse('invalid-request', detail))
