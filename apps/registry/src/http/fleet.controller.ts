// The runners that are there.
import type { JsonObject } from '@assistant-ledger/assistant'
import { Controller, Get, Req, Res } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BusReply } from '../bus/contract.js'
import { LIMITS } from '../limits.js'
import { FleetRequest } from '../queries/requests.js'
import { Api } from './api.js'
import { Answers, Option } from './openapi.js'

@ApiTags('Fleet')
@Controller('fleet')
export class FleetController {
  constructor(private readonly api: Api) {}

  @Get()
  @Option('runner', 'All runners of that name, with what each is on')
  @Option('gone', 'Also those that are there no longer', { type: 'boolean' })
  @Option('limit', 'How many at most; 100 when absent', { type: 'integer' })
  @Option('offset', 'How many are left out before', { type: 'integer' })
  @Answers('The runners that are there', 'Fleet', 422)
  fleet(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.api.answer('fleet', request, reply, async (asked) => {
      const { request: fleet } = asked.read(FleetRequest, {
        query: { runner: 'text', gone: 'boolean', limit: 'integer', offset: 'integer' },
      })
      const { limit = LIMITS.fleetPageSize, offset = 0 } = fleet
      const { visible } = await asked.may('search', { limit, offset })
      await asked.reached()
      const answer = await asked.services.fleet.fleet(fleet)
      return visible ? withoutAssistants(answer) : answer
    })
  }
}

/** Who may see some assistants only is not told which ones a runner is on. */
function withoutAssistants({ body, headers }: BusReply): BusReply {
  const runners = (body as JsonObject[]).map(({ assistants_on: _, assistants: __, ...runner }) => runner)
  return new BusReply(runners, headers)
}
