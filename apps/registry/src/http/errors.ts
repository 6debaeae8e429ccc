// What Nest and Fastify refuse before a route is reached, and what is thrown by routes outside of the API.
import { type ArgumentsHost, Catch, type ExceptionFilter, NotFoundException } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { refusedWith } from './answer.js'
import { send } from './api.js'
import { notHere } from './elsewhere.js'

@Catch()
export class HttpErrors implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp()
    const request = http.getRequest<FastifyRequest>()
    const { method, url } = request
    send(
      http.getResponse<FastifyReply>(),
      thrown instanceof NotFoundException
        ? notHere(method, url)
        : refusedWith(thrown, `${method} ${url.split('?', 1)[0]}`, request.id),
    )
  }
}
