// What stands between the command and the real service, and is not well: each request is met by the next ill, and those
// after the last one go through.
import { createServer, type IncomingHttpHeaders, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What is done to a request. */
export interface Ill {
  /** The service has it, and its answer is lost. */
  readonly cut?: true
  readonly silent?: true
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: object | string
  /** The connection breaks in the middle of the body. */
  readonly broken?: true
}

export interface Between {
  readonly url: string
  readonly seen: readonly { readonly headers: IncomingHttpHeaders }[]
  /** When the first request has come. */
  readonly first: Promise<void>
  close(): Promise<void>
}

/** @param last what is done to all requests after those; nothing when absent */
export async function betweenUsAnd(target: string, ills: readonly Ill[], last: Ill = {}): Promise<Between> {
  const seen: { headers: IncomingHttpHeaders }[] = []
  const left = [...ills]
  let come: () => void = () => {}
  const first = new Promise<void>((resolve) => {
    come = resolve
  })
  const server = createServer((incoming, outgoing) => {
    seen.push({ headers: incoming.headers })
    come()
    const { cut, silent, ...said } = left.shift() ?? last
    if (silent) return
    if (said.status !== undefined) {
      say(outgoing, said.status, said)
      return
    }
    const { method, headers } = incoming
    const onward = request(`${target}${incoming.url}`, { method: method ?? 'GET', headers }, (answer) => {
      if (cut) {
        answer.resume().once('end', () => outgoing.destroy())
        return
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    first,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

function say(outgoing: ServerResponse, status: number, { headers = {}, body = '', broken }: Ill): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  outgoing.writeHead(status, broken ? { ...headers, 'Content-Length': text.length + 1 } : headers)
  if (broken) outgoing.write(text, () => outgoing.destroy())
  else outgoing.end(text)
}
