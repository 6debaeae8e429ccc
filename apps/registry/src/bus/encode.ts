// The last thing that happens to a request: its outcome becomes the bytes and headers of the one answer, in the form
// in which the requester speaks.
import { REFUSALS, type Refusal } from '@assistant-ledger/assistant'
import { type MsgHdrs, headers as makeHeaders } from '@nats-io/transport-node'
import type { BusReply } from './contract.js'
import type { Form } from './decode.js'
import { BUS_LIMITS } from './limits.js'

export interface Encoded {
  readonly data: Uint8Array
  readonly headers?: MsgHdrs
}

/** @throws RangeError when the reply is longer than any string can be */
export function encodeReply(form: Form, reply: BusReply): Encoded {
  const text =
    form.type === 'plain'
      ? reply.text
      : JSON.stringify({ response: reply.body, isDisposed: true, id: form.id })
  if (text === undefined) throw new TypeError('the reply is not a JSON value')
  const names = Object.keys(reply.headers)
  return names.length === 0
    ? { data: Buffer.from(text) }
    : { data: Buffer.from(text), headers: replyHeaders(reply.headers) }
}

/** `more`: headers beside those that say what was refused. */
export function encodeRefusal(
  form: Form,
  refusal: Refusal,
  more: Readonly<Record<string, string>> = {},
): Encoded {
  const headers = replyHeaders(more)
  headers.set('Nats-Service-Error', oneLine(`${refusal.code}: ${refusal.detail}`))
  headers.set('Nats-Service-Error-Code', String(REFUSALS[refusal.code].status))
  const value = form.type === 'plain' ? refusal : { err: refusal, isDisposed: true, id: form.id }
  return { data: Buffer.from(JSON.stringify(value)), headers }
}

function replyHeaders(from: Readonly<Record<string, string>>): MsgHdrs {
  const headers = makeHeaders()
  for (const name of Object.keys(from)) headers.set(name, from[name] as string)
  return headers
}

/** What a requester sent may be quoted in a refusal, and a header has one line only. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get into a header
  return text.slice(0, BUS_LIMITS.errorHeaderLength).replaceAll(/[\u0000-\u001f\u007f]+/g, ' ')
}
