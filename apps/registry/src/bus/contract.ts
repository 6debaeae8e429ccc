// What stands between the bus and the handlers of its verbs: a request decoded, and the two ways to answer it.
// The bus makes exactly one reply of whatever a handler returns or throws.
import type { JsonValue, Refusal } from '@assistant-ledger/assistant'

/** A request as a handler gets it (the payload of its Nest message pattern). */
export interface BusRequest {
  /** What follows the project in the subject, which is also the handler's pattern. */
  readonly verb: string
  /** Who sends it, where an account of the broker has put the name behind the verb; else nobody vouches for any. */
  readonly from?: string
  /** The JSON object that was sent; the bus has refused anything else, and checked nothing inside of it. */
  readonly body: unknown
  /** Names lower-cased; of a name sent twice, the first value; `x-actor` and `x-reason` already percent-decoded. */
  readonly headers: ReadonlyMap<string, string>
  /** Bytes that the broker lets a reply have: an answer that comes out larger is refused instead of sent. */
  readonly mostReplyBytes: number
}

/** A body that is JSON text already. */
export class JsonText {
  constructor(readonly text: string) {}
}

/** A handler's answer: the JSON body as the requester sees it, and reply headers. */
export class BusReply {
  #body: JsonValue | JsonText

  constructor(
    body: JsonValue | JsonText,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    this.#body = body
  }

  get body(): JsonValue {
    if (this.#body instanceof JsonText) this.#body = JSON.parse(this.#body.text) as JsonValue
    return this.#body
  }

  /** @throws RangeError when it is longer than any string can be */
  get text(): string {
    return this.#body instanceof JsonText ? this.#body.text : JSON.stringify(this.#body)
  }
}

/** An answer that is not there yet: until it is, the request takes no place among those that run. */
export class LaterReply {
  constructor(readonly reply: Promise<BusReply>) {}
}

/** Thrown by a handler to refuse: the requester gets the refusal and nothing else. */
export class RefusalError extends Error {
  constructor(readonly refusal: Refusal) {
    super(`${refusal.code}: ${refusal.detail}`)
    this.name = 'RefusalError'
  }
}
