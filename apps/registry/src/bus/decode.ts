// The first thing that happens to a request: bytes and headers of a message become a JSON object and a map of
// headers, or a refusal. Nothing in here throws, whatever was sent, and no depth of nesting costs stack.
import { type Refusal, refuse } from '@assistant-ledger/assistant'
import type { Msg, MsgHdrs } from '@nats-io/transport-node'
import { gather } from '../headers.js'
import { BUS_LIMITS } from './limits.js'

/** How the requester speaks, and so how it is answered: plain JSON, or Nest packets with an id. */
export type Form = { readonly type: 'plain' } | { readonly type: 'packet'; readonly id: string | number }

export type Decoded =
  | {
      readonly ok: true
      readonly form: Form
      readonly body: unknown
      readonly headers: ReadonlyMap<string, string>
    }
  | { readonly ok: false; readonly form: Form; readonly refusal: Refusal }

export const PLAIN: Form = { type: 'plain' }

const NO_HEADERS: ReadonlyMap<string, string> = new Map()
/** JetStream answers where its asker says: who may read a stream could send on what somebody else put into it. */
const FROM_JETSTREAM = 'nats-stream'
const PACKET_KEYS: ReadonlySet<string> = new Set(['pattern', 'data', 'id'])
const PACKET_START = Buffer.from('{"pattern"')

const utf8 = new TextDecoder('utf-8', { fatal: true })

export function decode(message: Msg): Decoded {
  const parsed = parse(message.data)
  if (!parsed.ok) return refused(PLAIN, parsed.detail)
  const opened = openPacket(parsed.value)
  if (!opened.ok) return refused(PLAIN, opened.detail, 'id')
  const { form, body } = opened
  const read = readHeaders(message)
  if (!read.ok) return refused(form, read.detail, read.field)
  if (read.headers.has(FROM_JETSTREAM))
    return refused(form, 'The request is a message of a JetStream stream, which nobody has sent here')
  if (isCloudEvent(body, read.headers))
    return refused(
      form,
      'The request is a CloudEvents envelope; send what is in its data, as plain JSON without the envelope',
    )
  if (!isObject(body)) return refused(form, `The request is ${nameOf(body)}; it must be a JSON object`)
  return { ok: true, form, body, headers: read.headers }
}

/** The form of a request that is refused unread; only what begins as Nest's own packets do is parsed for its id. */
export function formOf(message: Msg): Form {
  const { data } = message
  if (data.length < PACKET_START.length || PACKET_START.compare(data, 0, PACKET_START.length) !== 0)
    return PLAIN
  const parsed = parse(data)
  if (!parsed.ok) return PLAIN
  const opened = openPacket(parsed.value)
  return opened.ok ? opened.form : PLAIN
}

type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly detail: string }

function parse(data: Uint8Array): Parsed {
  if (data.length === 0) return { ok: false, detail: 'The request is empty; it must be a JSON object' }
  let text: string
  try {
    text = utf8.decode(data)
  } catch {
    return { ok: false, detail: 'The request is not valid UTF-8' }
  }
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch {
    return { ok: false, detail: 'The request is not JSON' }
  }
}

type Opened =
  | { readonly ok: true; readonly form: Form; readonly body: unknown }
  | { readonly ok: false; readonly detail: string }

/**
 * A packet of Nest's ClientProxy is `{pattern, data, id}` and nothing else, and no verb has a field of these names,
 * so neither can pass for the other. The pattern is not looked at: the subject says where a request goes.
 */
function openPacket(value: unknown): Opened {
  if (!isObject(value) || typeof value.pattern !== 'string' || !Object.hasOwn(value, 'pattern'))
    return { ok: true, form: PLAIN, body: value }
  for (const key of Object.keys(value))
    if (!PACKET_KEYS.has(key)) return { ok: true, form: PLAIN, body: value }
  // Nest's emit sends no id; who sent it waits for no packet.
  if (!Object.hasOwn(value, 'id')) return { ok: true, form: PLAIN, body: value.data }
  const { id } = value
  const fits =
    typeof id === 'string'
      ? id.length > 0 && id.length <= BUS_LIMITS.packetIdLength && id.isWellFormed()
      : Number.isSafeInteger(id)
  if (!fits)
    return {
      ok: false,
      detail: `The id of a Nest packet must be a string of 1 to ${BUS_LIMITS.packetIdLength} characters, or an integer`,
    }
  return { ok: true, form: { type: 'packet', id: id as string | number }, body: value.data }
}

type ReadHeaders =
  | { readonly ok: true; readonly headers: ReadonlyMap<string, string> }
  | { readonly ok: false; readonly detail: string; readonly field?: string }

function readHeaders(message: Msg): ReadHeaders {
  let sent: MsgHdrs | undefined
  try {
    // The client library reads them here, and throws on a name with a character that a name cannot have.
    sent = message.headers
  } catch {
    return { ok: false, detail: 'The headers cannot be read: a name has a character that it cannot have' }
  }
  return sent ? gather(sent) : { ok: true, headers: NO_HEADERS }
}

/** Structured mode, which has the event's data inside of an envelope; in binary mode the body is the data itself. */
function isCloudEvent(body: unknown, headers: ReadonlyMap<string, string>): boolean {
  if (headers.get('content-type')?.toLowerCase().startsWith('application/cloudevents')) return true
  return isObject(body) && Object.hasOwn(body, 'specversion')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function nameOf(value: unknown): string {
  if (value === undefined) return 'a Nest packet without data'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`
}

function refused(form: Form, detail: string, field?: string): Decoded {
  return {
    ok: false,
    form,
    refusal: refuse('invalid-request', detail, field === undefined ? {} : { field }),
  }
}
