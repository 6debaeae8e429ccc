// What is done to the log and the read side as a whole: the other side of the command line's import and replay, of the
// same version. No part of the API that clients build on.
import type { JsonValue } from '@assistant-ledger/assistant'
import { Controller, Get, Post, Req, Res } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { readLife } from '../admin/import-life.js'
import { readClaims, readEvents } from '../admin/import-requests.js'
import { BusReply } from '../bus/contract.js'
import { Api } from './api.js'
import type { Asked } from './asked.js'

@ApiExcludeController()
@Controller('admin')
export class AdminController {
  constructor(private readonly api: Api) {}

  @Get()
  standing(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer('admin', request, reply, async ({ services }) => services.admin.standing())
  }

  @Post('import/check')
  check(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer('import-check', request, reply, async ({ services, body }) => {
      const claims = readClaims(body, services.project.name)
      return (await services.admin.imports.compare(claims)) as unknown as JsonValue
    })
  }

  @Post('import/events')
  events(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer('import', request, reply, async ({ services, body }) => {
      const events = readEvents(body, services.project.name)
      return { written: await services.admin.imports.write(events) }
    })
  }

  @Post('import/assistant')
  assistant(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer('import-assistant', request, reply, async (asked) => {
      const { sender } = asked.sent({})
      return { written: await asked.services.admin.assistants.import(readLife(asked.body), sender) }
    })
  }

  @Post('import/note')
  note(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer('import-note', request, reply, async (asked) => {
      const { sender } = asked.sent({})
      return { position: String(await asked.services.admin.note(asked.body, sender)) }
    })
  }

  @Post('replay/read-model')
  replayReadModel(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.api.task('replay', request, reply, (asked, signal) => {
      asked.mayAdminister()
      return asked.services.admin.replayReadModel(asked.body.dry_run === true, signal)
    })
  }

  @Post('replay/feed')
  replayFeed(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.api.task('replay', request, reply, (asked, signal) => {
      asked.mayAdminister()
      const { dry_run, recreate } = asked.body
      const choices = { dryRun: dry_run === true, recreate: recreate === true }
      return asked.services.admin.replayFeed(choices, signal)
    })
  }

  private answer(
    verb: string,
    request: FastifyRequest,
    reply: FastifyReply,
    work: (asked: Asked) => Promise<JsonValue>,
  ): Promise<void> {
    return this.api.answer(verb, request, reply, async (asked) => {
      asked.mayAdminister()
      return new BusReply(await work(asked))
    })
  }
}
