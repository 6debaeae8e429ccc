// A LangGraph server that is asked for its assistants. It may be busy, restart or stand behind something that does: what is
// asked changes nothing there, so it is asked again before it is given up.
import { setTimeout as pause } from 'node:timers/promises'

const ANSWER_MS = 30_000
/** How often a question is put that had no answer, or 429, 502, 503, 504. */
const ATTEMPTS = 5
/** Before the second one; doubled each time after that. */
const BETWEEN_MS = 250
/** The longest that a Retry-After is obeyed. */
const LONGEST_PAUSE_MS = 30_000
const TRANSIENT: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** The server did not give what was asked of it. One line. */
export class NoSuchServer extends Error {
  override readonly name: string = 'NoSuchServer'
}

/** One assistant changed there while it was read. One line. */
export class ChangedThere extends NoSuchServer {
  override readonly name = 'ChangedThere'
}

export interface Source {
  readonly url: string
  /** What its authentication asks for. */
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

interface Answered {
  readonly status: number
  readonly text: string
  readonly retryAfter: string | null
}

export class SourceServer {
  /** Its base URL, without a slash at its end. */
  readonly from: string
  /** Whether it has ever answered: only then is it one that comes back. */
  private known = false

  constructor(private readonly server: Source) {
    this.from = server.url.replace(/\/+$/, '')
  }

  /**
   * Puts a question whose answer is a list.
   * @throws ChangedThere what is asked about is gone
   * @throws NoSuchServer it has no answer, or another one
   */
  async ask<Item>(path: string, body: object): Promise<Item[]> {
    const url = this.from + path
    const { status, text } = await this.answerOf(url, body)
    if (status === 404 && path.endsWith('/versions'))
      throw new ChangedThere(`${url} answered 404: it was deleted there meanwhile`)
    if (TRANSIENT.has(status))
      throw new NoSuchServer(`${url} answered ${status}, ${ATTEMPTS} times: ${excerpt(text)}`)
    if (status !== 200) throw new NoSuchServer(`${url} answered ${status}: ${excerpt(text)}`)
    const answer = listIn(text)
    if (!answer) throw new NoSuchServer(`${url} gave no list: it is no LangGraph server`)
    return answer as Item[]
  }

  private async answerOf(url: string, body: object): Promise<Answered> {
    const { signal } = this.server
    for (let attempt = 1; ; attempt++) {
      const isLast = attempt === ATTEMPTS
      let wait_ms = BETWEEN_MS * 2 ** (attempt - 1)
      try {
        const answered = await this.once(url, body)
        this.known = true
        if (isLast || !TRANSIENT.has(answered.status)) return answered
        wait_ms = Math.max(wait_ms, Math.min(Number(answered.retryAfter) * 1000 || 0, LONGEST_PAUSE_MS))
      } catch (error) {
        signal?.throwIfAborted()
        if (!this.known || isLast) throw this.away(url, error)
      }
      await pause(wait_ms, undefined, signal ? { signal } : {})
    }
  }

  private async once(url: string, body: object): Promise<Answered> {
    const { headers, signal } = this.server
    const limit = AbortSignal.timeout(ANSWER_MS)
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    })
    return {
      status: response.status,
      text: await response.text(),
      retryAfter: response.headers.get('retry-after'),
    }
  }

  private away(url: string, error: unknown): NoSuchServer {
    const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message
    return new NoSuchServer(
      this.known
        ? `${url} does not answer any more (${cause}), after ${ATTEMPTS} attempts`
        : `${url} does not answer (${cause}): name the base URL of a LangGraph server that runs`,
    )
  }
}

const excerpt = (text: string): string => text.slice(0, 200)

function listIn(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
