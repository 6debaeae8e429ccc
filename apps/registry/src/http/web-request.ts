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

/** What a request says to be asked for may be a whole URL, of any host, or what is none. */
function urlOf({ protocol, host, url }: FastifyRequest): URL {
  const base = URL.canParse(`${protocol}://${host}`) ? `${protocol}://${host}` : `${protocol}://${NO_HOST}`
  const asked = URL.canParse(url, base) ? new URL(url, base) : new URL(base)
  // A Request takes no URL that has them.
  asked.username = ''
  asked.password = ''
  return asked
}
