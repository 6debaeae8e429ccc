// A registry with an HTTP side of its own for one test file, and plain requests to it.
import { freePort } from '../observability/scrape.js'
import { type Service, startService } from '../support/service.js'

export interface Answer {
  readonly status: number
  /** The body as JSON; undefined when there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  readonly body: any
  readonly headers: Headers
}

export interface HttpService {
  readonly service: Service
  readonly url: string
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  stop(): Promise<void>
}

export async function startHttpService(env: Record<string, string> = {}): Promise<HttpService> {
  const port = await freePort()
  const service = await startService({ env: { PORT: String(port), ...env } })
  const url = `http://127.0.0.1:${port}`
  return {
    service,
    url,
    send: (method, path, body, headers) => send(url + path, method, body, headers),
    stop: () => service.stop(),
  }
}

/** @param body text and bytes are sent as they are, anything else as JSON */
export async function send(
  url: string,
  method: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const raw = typeof body === 'string' || body instanceof Uint8Array
  const answer = await fetch(url, {
    method,
    headers,
    ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
  })
  const text = await answer.text()
  return {
    status: answer.status,
    headers: answer.headers,
    body: text === '' ? undefined : JSON.parse(text),
  }
}
