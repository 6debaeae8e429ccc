// A request as an auth module is given it: a Request of the web's own.
import type { FastifyRequest } from 'fastify'

/** The host is the client's word, which may be no host at all. */
const NO_HOST = 'localhost'

export function webRequest(request: FastifyRequest): Request {
  const { raw, method, body } = request
  const headers = new Headers()
  for (const [name, values] of Object.entries(raw.headersDistinct))
    for (const value of values ?? []) headers.append(name, value)
  const hasBody = Buffer.isBuffer(body) && body.length > 0 && method !== 'GET' && method !== 'HEAD'
  return new Request(urlOf(request), { method, headers, ...(hasBody ? { body: body.toString('utf8') } : {}) })
}

function urlOf({ protocol, host, url }: FastifyRequest): URL {
  const base = URL.canParse(`${protocol}://${host}`) ? `${protocol}://${host}` : `${protocol}://${NO_HOST}`
  const [path = '/', query] = url.split(/\?(.*)/s, 2)
  const made = new URL(base)
  // Set, not parsed: a path that begins with `//` would name another host.
  made.pathname = path
  made.search = query ?? ''
  return made
}
