// The live stream of changes.
import { Controller, Get, Req, Res } from '@nestjs/common'
import { ApiHeader, ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { seesOf } from '../auth/sees.js'
import { eventStream } from '../changes/event-stream.js'
import { invalid } from '../envelope.js'
import { watchedOf } from '../queries/past-fields.js'
import { ChangesRequest } from '../queries/past-requests.js'
import { Api } from './api.js'
import type { Asked } from './asked.js'
import { Options, Streams } from './openapi.js'

const OPTIONS = {
  assistant_id: 'text',
  graph_id: 'text',
  type: 'text',
  actor: 'text',
  environment: 'text',
  reason: 'text',
  after: 'text',
} as const

@ApiTags('History')
@Controller('assistants')
export class ChangesController {
  constructor(private readonly api: Api) {}

  @Get('changes')
  @Options({
    assistant_id: 'Only this assistant',
    graph_id: 'Only assistants of this graph',
    type: 'Only entries of these types, with commas',
    actor: 'Only what this one did',
    environment: 'Only what moved this environment',
    reason: 'Only with this part of a reason, in any case',
    after: 'The position of the last change that is known; Last-Event-ID goes before it',
  })
  @ApiHeader({ name: 'Last-Event-ID', description: 'The id of the last event that came', required: false })
  @Streams('What changes, as server-sent events `change` (a HistoryEntry) and `gone`', 422, 429)
  changes(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.api.stream('changes', request, reply, async (asked, signal) => {
      const { request: of } = asked.read(ChangesRequest, { query: OPTIONS })
      const filter = watchedOf(of)
      const { graph_id } = of
      const after = afterOf(asked, of)
      const { metadata, visible } = await asked.may('search', { graph_id, limit: 0, offset: 0 })
      const watching = { filter, sees: seesOf(visible, metadata), ...(after === undefined ? {} : { after }) }
      return eventStream(await asked.services.changes.watch(watching, signal))
    })
  }
}

/** @throws RefusalError `invalid-request` */
function afterOf(asked: Asked, { after }: ChangesRequest): bigint | undefined {
  const last = asked.header('last-event-id')
  const given = last === undefined || last === '' ? after : last
  if (given === undefined) return undefined
  if (!/^\d{1,19}$/.test(given))
    throw invalid(`${given === after ? 'after' : 'Last-Event-ID'} must be the id of an event`, 'after')
  return BigInt(given)
}
