// What is answered to bytes that Node does not take for a request, so that no route, and nothing of Fastify, sees them.
import type { FastifyServerOptions } from 'fastify'

type ClientErrorHandler = NonNullable<FastifyServerOptions['clientErrorHandler']>

const CODES: Readonly<Record<string, readonly [status: string, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'The headers and the path are too large together',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request did not come in time'],
}
const NO_HTTP = ['400 Bad Request', 'What came is no HTTP request'] as const

/** In JSON like every refusal; the connection is good for nothing after it. */
export const clientErrorHandler: ClientErrorHandler = ({ code = '' }, socket) => {
  if (code !== 'ECONNRESET' && socket.writable) {
    const [status, detail] = CODES[code] ?? NO_HTTP
    const body = JSON.stringify({ detail })
    const head = [
      `HTTP/1.1 ${status}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  }
  socket.destroy()
}
