// What was, who changed it and why: the answers of the bus's verbs `history`, `diff`, `blame` and `impact`.
import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { seesOf } from '../auth/sees.js'
import { BlameRequest, DiffRequest, HistoryRequest, ImpactRequest } from '../queries/past-requests.js'
import { Api } from './api.js'
import { Accepts, Answers, ASSISTANT_ID, Option, Options } from './openapi.js'

const FILTERS = {
  limit: 'integer',
  before: 'text',
  actor: 'text',
  type: 'text',
  graph_id: 'text',
  environment: 'text',
  since: 'text',
  until: 'text',
  reason: 'text',
} as const

const FILTER_OPTIONS = Options({
  limit: 'How many at most; 100 when absent',
  before: '`next` of the page before',
  actor: 'The id of who acted',
  type: 'Types of entries, with commas',
  graph_id: 'The graph of the version',
  environment: 'What moved this environment',
  since: 'From this time on',
  until: 'Before this time',
  reason: 'A part of the reason, in any case',
})

const POINT = 'a version (`3`, `2.3` with its generation), an environment, a time, or a position (`@123`)'

@ApiTags('History')
@Controller('assistants')
export class HistoryController {
  constructor(private readonly api: Api) {}

  @Get('history')
  @FILTER_OPTIONS
  @Answers('What happened to all assistants, newest first', 'History', 422)
  all(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.api.answer('history', request, reply, async (asked) => {
      const { request: history } = asked.read(HistoryRequest, { query: FILTERS })
      const { limit, graph_id } = history
      const { metadata, visible } = await asked.may('search', { graph_id, limit, offset: 0 })
      return asked.services.past.history(history, seesOf(visible, metadata))
    })
  }

  @Get(':assistant_id/history')
  @ASSISTANT_ID
  @FILTER_OPTIONS
  @Option('receipts', 'Also what runners reported on it', { type: 'boolean' })
  @Answers('What happened to an assistant, newest first', 'History', 404, 422)
  history(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.api.answer('history', request, reply, async (asked) => {
      const { request: history } = asked.readOf(HistoryRequest, {
        query: { ...FILTERS, receipts: 'boolean' },
      })
      const { visible } = await asked.may('read', { assistant_id: history.assistant_id })
      return asked.services.past.history(history, seesOf(visible))
    })
  }

  @Get(':assistant_id/diff')
  @ASSISTANT_ID
  @Option('from', `The point to compare with: ${POINT}`)
  @Option('to', `The point that is compared; \`live\` when absent: ${POINT}`)
  @Option('environment', 'The environment that times and positions mean; `live` when absent')
  @Answers('What differs between two points of an assistant', 'Diff', 404, 422)
  diff(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.api.answer('diff', request, reply, async (asked) => {
      const { request: diff } = asked.readOf(DiffRequest, {
        query: { from: 'text', to: 'text', environment: 'text' },
      })
      const { visible } = await asked.may('read', { assistant_id: diff.assistant_id })
      return asked.services.past.diff(diff, seesOf(visible))
    })
  }

  @Get(':assistant_id/impact')
  @ASSISTANT_ID
  @Option('version', 'The version that would be promoted', { type: 'integer', minimum: 1 })
  @Option('from', 'Instead: the environment whose version would be promoted')
  @Option('environment', 'Where it would be promoted to; `live` when absent')
  @Answers('What a promotion would do, and what it would be answered; nothing is done', 'Impact', 404, 422)
  impact(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.api.answer('impact', request, reply, async (asked) => {
      const { request: impact } = asked.readOf(ImpactRequest, {
        query: { version: 'integer', from: 'text', environment: 'text' },
      })
      const { visible } = await asked.may('read', { assistant_id: impact.assistant_id })
      return asked.services.impact.impact(impact, asked.actor, visible)
    })
  }

  @Post(':assistant_id/impact')
  @HttpCode(200)
  @ASSISTANT_ID
  @Accepts('AssistantImpact')
  @Answers('What an update with this content would do; nothing is done', 'Impact', 400, 404, 422)
  impactOfContent(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.api.answer('impact', request, reply, async (asked) => {
      const { request: impact } = asked.readOf(ImpactRequest, { body: 'all' })
      const { visible } = await asked.may('read', { assistant_id: impact.assistant_id })
      return asked.services.impact.impact(impact, asked.actor, visible)
    })
  }

  @Get(':assistant_id/blame')
  @ASSISTANT_ID
  @Option('of', `The point that is meant; \`live\` when absent: ${POINT}`)
  @Option('environment', 'The environment that times and positions mean; `live` when absent')
  @Option('path', 'A JSON pointer: the fields below it alone')
  @Answers('Which version set each field, by whom, when and why', 'Blame', 404, 422)
  blame(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.api.answer('blame', request, reply, async (asked) => {
      const { request: blame } = asked.readOf(BlameRequest, {
        query: { of: 'text', environment: 'text', path: 'text' },
      })
      const { visible } = await asked.may('read', { assistant_id: blame.assistant_id })
      return asked.services.past.blame(blame, seesOf(visible))
    })
  }
}
