// The service over HTTP, as the caller: identity, reason, condition and key as headers, bounded times, and a retry where
// that is safe. A command carries a key of its own invocation, so that a retry takes effect once.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Interrupted } from '../interrupt.js'
import type { Settings } from '../settings.js'
import { notTheService, refusedBy, unreached } from './refused.js'

/** How often a request is sent that may be sent again: after no answer, 429, 502, 503, 504. */
const ATTEMPTS = 3
const BETWEEN_MS = 250
/** The longest that a Retry-After is obeyed. */
const LONGEST_PAUSE_MS = 5_000
const TRANSIENT: ReadonlySet<number> = new Set([429, 502, 503, 504])

export interface Ask {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** How long the service is asked to wait before it answers, on top of the usual time. */
  readonly waitMs?: number
  /** Statuses that are answers too, beside those from 200 to 299. */
  readonly accepts?: readonly number[]
  /** Names what is asked for in a message, instead of the command: `show Blog`. */
  readonly what?: string
  /** What the answer must be for this to be the service: a list, or an object with these fields. Anything when absent. */
  readonly expects?: 'list' | readonly string[]
}

/** What a command is sent with. */
export interface Order extends Ask {
  readonly reason?: string
  /** The revision that the assistant must still have. */
  readonly ifMatch?: number | string
  /** The key of this invocation when absent. */
  readonly key?: string
}

export interface Answer<Body = unknown> {
  readonly status: number
  readonly headers: Headers
  /** Undefined where the answer has none. */
  readonly body: Body
}

export class Service {
  /** One for each invocation; a command that sends several adds to it what tells them apart. */
  readonly key: string

  constructor(
    readonly settings: Settings,
    readonly signal: AbortSignal,
    /** Names in a message what was asked for: `list`. */
    private readonly command: string,
  ) {
    this.key = randomUUID()
  }

  get url(): string {
    return this.settings.url
  }

  /** A question: sent again where there was no answer. @throws Failure */
  ask<Body>(method: 'GET' | 'POST', path: string, ask: Ask = {}): Promise<Answer<Body>> {
    return this.#send<Body>(method, path, ask, ask.headers ?? {})
  }

  /** A command, sent again under the same key. @throws Failure */
  order<Body>(method: 'POST' | 'PATCH' | 'DELETE', path: string, order: Order = {}): Promise<Answer<Body>> {
    const { reason, ifMatch, key = this.key, headers } = order
    return this.#send<Body>(method, path, order, {
      'Idempotency-Key': key,
      ...(reason === undefined ? {} : { 'X-Reason': encodeURIComponent(reason) }),
      ...(ifMatch === undefined ? {} : { 'If-Match': `"${ifMatch}"` }),
      ...headers,
    })
  }

  /**
   * An answer that is read as it comes, such as server-sent events; only its beginning is bounded in time. With a body it
   * is a POST.
   * @throws Failure
   */
  async open(path: string, { query, headers, what, body }: Ask = {}): Promise<Response> {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), this.settings.timeoutMs)
    const method = body === undefined ? 'GET' : 'POST'
    const named = what ?? this.command
    try {
      const response = await fetch(this.#address(path, query), {
        method,
        headers: { ...this.#identity(), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([this.signal, late.signal]),
      })
      if (!response.ok) throw refusedBy(response.status, await bodyOf(response), named, this.url)
      const type = response.headers.get('content-type') ?? ''
      if (!STREAMED.test(type)) throw notTheService(named, this.url)
      return response
    } catch (error) {
      throw this.#failure(error, named, false)
    } finally {
      clearTimeout(timer)
    }
  }

  async #send<Body>(
    method: string,
    path: string,
    { query, body, waitMs = 0, what, accepts = [], expects }: Ask,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer<Body>> {
    const named = what ?? this.command
    const isOrder = 'Idempotency-Key' in headers
    const request: RequestInit = {
      method,
      headers: { ...this.#identity(), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt === ATTEMPTS
      try {
        const limit = AbortSignal.timeout(this.settings.timeoutMs + waitMs)
        const signal = AbortSignal.any([this.signal, limit])
        const response = await fetch(this.#address(path, query), { ...request, signal })
        const answer = await bodyOf(response)
        if (response.ok || accepts.includes(response.status)) {
          if (!isExpected(answer, expects)) throw notTheService(named, this.url)
          return { status: response.status, headers: response.headers, body: answer as Body }
        }
        if (isLast || !TRANSIENT.has(response.status))
          throw refusedBy(response.status, answer, named, this.url)
        await pause(pauseOf(response, attempt), undefined, { signal: this.signal })
      } catch (error) {
        if (isLast || !mayComeBack(error) || this.signal.aborted) throw this.#failure(error, named, isOrder)
        await pause(BETWEEN_MS * attempt, undefined, { signal: this.signal })
      }
    }
  }

  #failure(error: unknown, what: string, isOrder: boolean): unknown {
    if (this.signal.aborted)
      return isOrder
        ? new Interrupted(`${what}: interrupted; it may have taken effect: look with assistants show`)
        : this.signal.reason
    return unreached(error, what, this.settings, isOrder)
  }

  #address(path: string, query: Ask['query'] = {}): string {
    const search = new URLSearchParams()
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) search.append(name, String(value))
    return `${this.url}${path}${search.size > 0 ? `?${search}` : ''}`
  }

  #identity(): Record<string, string> {
    const { token, apiKey, actor } = this.settings.identity
    return {
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(apiKey === undefined ? {} : { 'X-Api-Key': apiKey }),
      ...(actor === undefined ? {} : { 'X-Actor': encodeURIComponent(actor) }),
    }
  }
}

/** Server-sent events, or JSON a line. */
const STREAMED = /^(text\/event-stream|application\/x-ndjson)\b/

/** Whatever answers at an address that was meant otherwise says something else: a page, or JSON of another kind. */
function isExpected(answer: unknown, expects: Ask['expects']): boolean {
  if (typeof answer === 'string') return false
  if (expects === undefined) return true
  if (expects === 'list') return Array.isArray(answer)
  return (
    typeof answer === 'object' && answer !== null && expects.every((field) => Object.hasOwn(answer, field))
  )
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text()
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function pauseOf(response: Response, attempt: number): number {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return seconds > 0 ? Math.min(seconds * 1000, LONGEST_PAUSE_MS) : BETWEEN_MS * attempt
}

/** Breaks after which the next attempt may have another end. Nobody listening, or no answer in time, is said at once. */
const BREAKS: ReadonlySet<unknown> = new Set([
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
])

const mayComeBack = (error: unknown): boolean =>
  error instanceof TypeError && BREAKS.has((error.cause as { code?: string } | undefined)?.code)
