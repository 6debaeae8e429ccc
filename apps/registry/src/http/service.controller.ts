// What clients and load balancers ask of a LangGraph server about itself.
import { readFileSync } from 'node:fs'
import { Controller, Get, Req, Res } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { answered, type HttpAnswer } from './answer.js'
import { Api, send } from './api.js'
import { Answers } from './openapi.js'

export const VERSION: string = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
).version

/** What of the LangGraph API is here. */
const INFO = {
  service: 'assistant-ledger',
  version: VERSION,
  flags: { assistants: true, threads: false, runs: false, crons: false, store: false, langsmith: false },
}

@ApiTags('Service')
@Controller()
export class ServiceController {
  constructor(private readonly api: Api) {}

  @Get('ok')
  @Answers('Whether the service takes requests', 'Ok', 503)
  ok(@Res() reply: FastifyReply): void {
    send(
      reply,
      this.api.isOpen
        ? json({ ok: true })
        : answered(503, 'The service takes no requests yet, or no longer; see /health/ready', { ok: false }),
    )
  }

  @Get('info')
  @Answers('What this service is', 'Info')
  info(@Res() reply: FastifyReply): void {
    send(reply, json(INFO))
  }

  @Get('ledger')
  @Answers(
    'Which log is behind this service, its newest signed checkpoint, and the key of this replica',
    'Ledger',
    503,
  )
  ledger(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.api.answer('ledger', request, reply, async ({ services }) => services.ledger.ledger())
  }
}

const json = (body: object): HttpAnswer => ({ status: 200, headers: {}, body: JSON.stringify(body) })
