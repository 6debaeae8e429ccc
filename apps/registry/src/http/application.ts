// The HTTP side of the process: one server for everything that is asked over HTTP, in the process of the bus. It listens
// before NATS is there, so that what a start waits for can be asked.
import { randomUUID } from 'node:crypto'
import { PayloadTooLargeException } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FastifyError, FastifyReply, FastifyRequest, RawRequestDefaultExpression } from 'fastify'
import { debug, NEST_LINES } from '../lines.js'
import { BadSetting, type Settings } from '../settings.js'
import { answered } from './answer.js'
import { type Api, send } from './api.js'
import { clientErrorHandler } from './client-error.js'
import { corsOptions } from './cors.js'
import { HttpErrors } from './errors.js'
import { HttpModule } from './http.module.js'
import { HTTP_LIMITS } from './limits.js'
import { serveOpenApi } from './openapi.js'
import { AS_IT_IS, type Served } from './served.js'
import { VERSION } from './service.controller.js'

/** How far above the default a free port is looked for. */
const PORTS_TRIED = 100

export interface Http {
  /** Where it listens, and what was in the way when that is not the port that it should be. */
  readonly where: string
  close(): Promise<void>
}

/**
 * Listens on HOST:PORT. A default port that is taken gives way to the next free one; one that was asked for does not.
 * @throws BadSetting
 */
export async function startHttp(
  settings: Pick<Settings, 'host' | 'port' | 'portAsked'>,
  api: Api,
  served: Served = AS_IT_IS,
): Promise<Http> {
  const { host, portAsked } = settings
  const last = portAsked ? settings.port : Math.min(settings.port + PORTS_TRIED, 65_535)
  for (let port = settings.port; ; port++) {
    const app = await makeApplication(api, served)
    try {
      // Fastify's own: Nest's says every failure itself, also the one that another port makes good.
      await app.init()
      await app.getHttpAdapter().getInstance().listen({ port, host })
    } catch (error) {
      await app.close()
      if (port < last && codeOf(error) === 'EADDRINUSE') continue
      throw notListening(error, settings)
    }
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
    const moved = port === settings.port ? '' : ` (port ${settings.port} is in use)`
    const where = `${url}${moved}`
    debug(`HTTP: ${where}`)
    return { where, close: () => app.close() }
  }
}

async function makeApplication(
  api: Api,
  { cors, prefix, security }: Served,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    // A connection that is kept open for a next request must not hold up a stop.
    forceCloseConnections: true,
    bodyLimit: HTTP_LIMITS.readBytes,
    requestTimeout: HTTP_LIMITS.request_ms,
    routerOptions: { maxParamLength: HTTP_LIMITS.pathPart, ignoreTrailingSlash: true },
    genReqId: requestIdOf,
    clientErrorHandler,
    rewriteUrl: ({ url = '/' }) => withoutPrefix(url, prefix),
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      named(request, reply)
      send(reply, answered(error.statusCode ?? 400, error.message))
    },
  })
  const fastify = adapter.getInstance()
  // Bodies are read where they are used: JSON, whatever their content type says.
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
    body.length > HTTP_LIMITS.bodyBytes ? done(new PayloadTooLargeException()) : done(null, body),
  )
  fastify.addHook('onRequest', (request, reply, done) => {
    named(request, reply)
    done()
  })
  const app = await NestFactory.create<NestFastifyApplication>(HttpModule.of(api), adapter, {
    logger: NEST_LINES,
    abortOnError: false,
    bodyParser: false,
  })
  app.enableCors(corsOptions(cors))
  app.useGlobalFilters(new HttpErrors())
  serveOpenApi(app, VERSION, { prefix, security })
  return app
}

/** Probes and clients of this machine ask without it, so both is answered. */
function withoutPrefix(url: string, prefix: string): string {
  if (prefix === '' || !url.startsWith(prefix)) return url
  const rest = url.slice(prefix.length)
  if (rest === '' || rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? rest : url
}

/** The id that a client gave its request, where that is one; else one of ours. */
function requestIdOf({ headers }: RawRequestDefaultExpression): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && given.length <= HTTP_LIMITS.requestId && /^[\x21-\x7e]+$/.test(given)
    ? given
    : randomUUID()
}

const named = ({ id }: FastifyRequest, reply: FastifyReply) => reply.header('X-Request-Id', id)

function notListening(
  error: unknown,
  { host, port, portAsked }: Pick<Settings, 'host' | 'port' | 'portAsked'>,
): unknown {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return new BadSetting(
        portAsked
          ? `PORT ${port} is in use on ${host}: end what listens there, or choose another`
          : `the ports ${port} to ${port + PORTS_TRIED} are in use on ${host}: set PORT to a free one`,
      )
    case 'EACCES':
      return new BadSetting(`PORT ${port} may not be listened on by this user: choose one from 1024 up`)
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new BadSetting(`HOST is ${JSON.stringify(host)}, which is no address of this machine`)
    default:
      return error
  }
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | undefined)?.code
