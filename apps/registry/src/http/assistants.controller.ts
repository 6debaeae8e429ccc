// The Assistants API of LangGraph, and what goes beyond it. Each route reads its fields, asks whether that may be done, and
// does what the bus does. Bodies, answers and statuses are the platform's.
import { Controller, Delete, Get, HttpCode, Patch, Post, Req, Res } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { seesOf } from '../auth/sees.js'
import {
  CreateRequest,
  DeleteRequest,
  PromoteRequest,
  RollbackRequest,
  UpdateRequest,
} from '../commands/requests.js'
import { deployed } from '../graphs/deployed.js'
import { isOfThen } from '../queries/past.js'
import {
  CountRequest,
  FleetRequest,
  GetRequest,
  SearchRequest,
  VersionRequest,
  VersionsRequest,
} from '../queries/requests.js'
import { Api, type Work } from './api.js'
import { numberIn } from './asked.js'
import { HTTP_LIMITS } from './limits.js'
import { Accepts, Answers, ASSISTANT_ID, BRINGS_CONTENT, COMMAND, Option, PathPart } from './openapi.js'
import { AssistantRequest } from './requests.js'

/** What a PATCH takes from its body; how it is promoted stands in the query. */
const CONTENT = ['graph_id', 'name', 'description', 'config', 'context', 'metadata'] as const
const WAIT = { wait: 'text', wait_ms: 'integer' } as const

@ApiTags('Assistants')
@Controller('assistants')
export class AssistantsController {
  constructor(private readonly api: Api) {}

  @Post()
  @HttpCode(200)
  @Accepts('AssistantCreate')
  @COMMAND
  @BRINGS_CONTENT
  @Answers('Create an assistant', 'Assistant', 400, 404, 409, 412, 422)
  create(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.answer('create', request, reply, async (asked) => {
      const { commands } = asked.services
      const { request: create, received } = asked.read(CreateRequest, { body: 'all' })
      const { sender } = asked.sent(received)
      const assistantId = commands.idFor(create, sender)
      const { metadata, visible } = await asked.may('create', { ...create, assistant_id: assistantId })
      return commands.create({ ...create, ...given({ metadata }) }, assistantId, {
        sender,
        received,
        ...given({ visible }),
      })
    })
  }

  @Post('search')
  @HttpCode(200)
  @Accepts('AssistantSearchRequest')
  @Answers('Search assistants', 'Assistants', 404, 422)
  search(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.answer('search', request, reply, async (asked) => {
      const { request: search } = asked.read(SearchRequest, { body: 'all' })
      deployed(asked.services.project, search.graph_id)
      const { graph_id, limit, offset } = search
      const { metadata, visible } = await asked.may('search', {
        graph_id,
        metadata: search.metadata,
        limit,
        offset,
      })
      await asked.reached()
      return asked.services.queries.search(
        { ...search, ...given({ metadata }) },
        HTTP_LIMITS.replyBytes,
        visible,
      )
    })
  }

  @Post('count')
  @HttpCode(200)
  @Accepts('AssistantCountRequest')
  @Answers('Count assistants', 'Count', 404, 422)
  count(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.answer('count', request, reply, async (asked) => {
      const { request: count } = asked.read(CountRequest, { body: 'all' })
      deployed(asked.services.project, count.graph_id)
      const { graph_id } = count
      const { metadata, visible } = await asked.may('search', {
        graph_id,
        metadata: count.metadata,
        limit: 0,
        offset: 0,
      })
      await asked.reached()
      return asked.services.queries.count({ ...count, ...given({ metadata }) }, visible)
    })
  }

  @Get(':assistant_id')
  @ASSISTANT_ID
  @Option('environment', 'The environment whose version is shown; `live` is what LangGraph shows')
  @Option('at', 'As of a time, or of a position of the log')
  @Answers('Get an assistant', 'Assistant', 404, 422)
  get(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.answer('get', request, reply, async (asked) => {
      const { request: get } = asked.readOf(GetRequest, { query: { environment: 'text', at: 'text' } })
      const { visible } = await asked.may('read', { assistant_id: get.assistant_id })
      await asked.reached()
      if (isOfThen(get)) return asked.services.past.get(get, seesOf(visible))
      return asked.services.queries.get(get, visible)
    })
  }

  @Patch(':assistant_id')
  @ASSISTANT_ID
  @Option('promote', '`false`: the new version is in no environment yet', { type: 'boolean' })
  @Option('promote_to', 'The environment that the new version goes to instead of `live`')
  @Option('wait', '`converged`: the answer comes with the receipt of the runners')
  @Option('wait_ms', 'How long that may take', { type: 'integer' })
  @Accepts('AssistantPatch')
  @COMMAND
  @BRINGS_CONTENT
  @Answers('Make a new version of an assistant', 'Assistant', 400, 404, 409, 412, 422)
  update(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.answer('update', request, reply, async (asked) => {
      const { request: update, received } = asked.readOf(UpdateRequest, {
        body: CONTENT,
        query: { promote: 'boolean', promote_to: 'text', ...WAIT },
      })
      const { assistant_id, graph_id, name, description, config, context, promote, promote_to } = update
      const { metadata, visible } = await asked.may('update', {
        assistant_id,
        graph_id,
        name,
        description,
        config,
        context,
        metadata: update.metadata,
        promote,
        promote_to,
      })
      return asked.services.commands.update(
        { ...update, ...given({ metadata }) },
        asked.sent(received, visible),
      )
    })
  }

  @Delete(':assistant_id')
  @ASSISTANT_ID
  @Option('delete_threads', 'Recorded with the deletion, for whoever owns threads; there are none here', {
    type: 'boolean',
  })
  @COMMAND
  @Answers('Delete an assistant', undefined, 404, 412, 422)
  delete(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.answer('delete', request, reply, async (asked) => {
      const { request: deletion, received } = asked.readOf(DeleteRequest, {
        query: { delete_threads: 'boolean' },
      })
      const { visible } = await asked.may('delete', { assistant_id: deletion.assistant_id })
      return asked.services.commands.delete(deletion, asked.sent(received, visible))
    })
  }

  @Post(':assistant_id/latest')
  @HttpCode(200)
  @ASSISTANT_ID
  @Accepts('AssistantVersionChange')
  @COMMAND
  @Answers('Point `live`, or another environment, to a version', 'Assistant', 404, 409, 412, 422)
  latest(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.answer('promote', request, reply, async (asked) => {
      const { request: promote, received } = asked.readOf(PromoteRequest, {
        body: 'all',
        // The published OpenAPI wants the version here, the clients send it in the body.
        query: { version: 'integer', from: 'text', environment: 'text', replaces: 'integer', ...WAIT },
      })
      const { assistant_id, version, environment } = promote
      const { visible } = await asked.may('update', { assistant_id, version, environment })
      return asked.services.commands.promote(promote, asked.sent(received, visible))
    })
  }

  @Post(':assistant_id/rollback')
  @HttpCode(200)
  @ASSISTANT_ID
  @Accepts('Rollback')
  @COMMAND
  @Answers('Take an environment back to the version before', 'Assistant', 404, 409, 412, 422)
  rollback(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.answer('rollback', request, reply, async (asked) => {
      const { request: rollback, received } = asked.readOf(RollbackRequest, {
        body: 'all',
        query: { environment: 'text', replaces: 'integer', ...WAIT },
      })
      const { assistant_id, environment } = rollback
      const { visible } = await asked.may('update', { assistant_id, environment })
      return asked.services.commands.rollback(rollback, asked.sent(received, visible))
    })
  }

  @Post(':assistant_id/versions')
  @HttpCode(200)
  @ASSISTANT_ID
  @Accepts('VersionsSearchRequest')
  @Answers('List the versions of an assistant, newest first', 'AssistantVersions', 404, 422)
  versions(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.answer('versions', request, reply, async (asked) => {
      const { request: versions } = asked.readOf(VersionsRequest, { body: 'all' })
      const { assistant_id } = versions
      const { metadata, visible } = await asked.may('read', { assistant_id, metadata: versions.metadata })
      await asked.reached()
      return asked.services.queries.versions(
        { ...versions, ...given({ metadata }) },
        HTTP_LIMITS.replyBytes,
        visible,
      )
    })
  }

  @Get(':assistant_id/versions/:version')
  @ASSISTANT_ID
  @PathPart('version', 'A version number', { type: 'integer' })
  @Option('generation', 'The life of the id that is meant, if not the present one', { type: 'integer' })
  @Answers('Get one version', 'OneVersion', 404, 422)
  version(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.answer('version', request, reply, async (asked) => {
      const { request: version } = asked.readOf(VersionRequest, {
        query: { generation: 'integer' },
        path: { version: numberIn(asked.part('version'), 'version') },
      })
      const { visible } = await asked.may('read', { assistant_id: version.assistant_id })
      await asked.reached()
      return asked.services.queries.version(version, visible)
    })
  }

  @Get(':assistant_id/environments')
  @ASSISTANT_ID
  @Answers('Where each environment points', 'Environments', 404, 422)
  environments(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.answer('environments', request, reply, async (asked) => {
      const { request: of } = asked.readOf(AssistantRequest)
      const { visible } = await asked.may('read', { assistant_id: of.assistant_id })
      return asked.services.queries.environments(of, visible)
    })
  }

  @Get(':assistant_id/receipts')
  @ASSISTANT_ID
  @Option('environment', 'The environment that was promoted to; `live` when absent')
  @Option('revision', 'The promotion of that stream revision', { type: 'integer' })
  @Option('at', 'As of a time in UTC')
  @Option('promotions', '`true`: instead, all promotions there were, newest first', { type: 'boolean' })
  @Option('limit', 'Of promotions, how many at most; 100 when absent', { type: 'integer' })
  @Option('offset', 'Of promotions, how many are left out before', { type: 'integer' })
  @Answers('Where a promotion stands, runner by runner', 'Receipts', 404, 422)
  receipts(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.answer('fleet', request, reply, async (asked) => {
      const { request: receipts } = asked.readOf(FleetRequest, {
        query: {
          environment: 'text',
          revision: 'integer',
          at: 'text',
          promotions: 'boolean',
          limit: 'integer',
          offset: 'integer',
        },
      })
      const { assistant_id } = asked.readOf(AssistantRequest).request
      const { visible } = await asked.may('read', { assistant_id })
      await asked.reached()
      // What nobody may see has no receipts either; a deleted assistant still has, for whoever may see all.
      if (visible) await asked.services.queries.get({ assistant_id, environment: 'live' }, visible)
      return asked.services.fleet.fleet(receipts, visible)
    })
  }

  private answer(verb: string, request: FastifyRequest, reply: FastifyReply, work: Work): Promise<void> {
    return this.api.answer(verb, request, reply, work)
  }
}

/** Only the properties that have a value: an absent one is none here. */
function given<T extends object>(properties: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  const there = Object.entries(properties).filter(([, value]) => value !== undefined)
  return Object.fromEntries(there) as { [Name in keyof T]?: Exclude<T[Name], undefined> }
}
