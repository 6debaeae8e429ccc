// What is known of an assistant's graph: its drawing, its schemas, its subgraphs, from the descriptors that runners gave.
import type { JsonObject } from '@assistant-ledger/assistant'
import { Controller, Get, Req, Res } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { HttpRefusal } from '../auth/authorizer.js'
import { BusReply } from '../bus/contract.js'
import { drawingOf, schemasOf, subgraphsOf, unknownOf } from '../graphs/answers.js'
import type { RegisteredDescriptor } from '../graphs/descriptors.js'
import { Api } from './api.js'
import type { Asked } from './asked.js'
import { assistantOr, awaited, xrayOf } from './graphs.js'
import { Answers, ASSISTANT_ID, Option, PathPart } from './openapi.js'
import { AssistantRequest, SubgraphsRequest } from './requests.js'

@ApiTags('Assistants')
@Controller('assistants')
export class GraphsOfAssistantsController {
  constructor(private readonly api: Api) {}

  @Get(':assistant_id/graph')
  @PathPart('assistant_id', "An assistant's id, or a graph's for its system assistant")
  @Option('xray', 'Whether subgraphs are drawn too, or how deep', { type: 'string' })
  @Answers('The drawing of the graph', 'Graph', 404, 422)
  graph(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.api.answer('graph', request, reply, async (asked) => {
      const path = { assistant_id: assistantOr(asked.services.project, asked.id) }
      const { request: of } = asked.read(AssistantRequest, { path })
      const xray = xrayOf(asked.query.xray)
      const known = await this.described(asked, of, 'drawing')
      const drawing = drawingOf(known.descriptor, xray)
      // Letter by letter the platform's sentence: clients match on it.
      if (!drawing) throw new HttpRefusal(422, 'The graph does not support visualization')
      return shown(known, drawing)
    })
  }

  @Get(':assistant_id/schemas')
  @ASSISTANT_ID
  @Answers('The schemas of the graph', 'GraphSchema', 404, 422)
  schemas(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.api.answer('graph', request, reply, async (asked) => {
      const { request: of } = asked.readOf(AssistantRequest)
      const known = await this.described(asked, of, 'schemas')
      return shown(known, schemasOf(known.graphId, known.descriptor))
    })
  }

  @Get(':assistant_id/subgraphs')
  @ASSISTANT_ID
  @Option('recurse', 'Also the subgraphs of subgraphs', { type: 'boolean' })
  @Answers('The subgraphs of the graph', 'Subgraphs', 404, 422)
  subgraphs(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.api.answer('graph', request, reply, (asked) => this.subgraphsOf(asked))
  }

  @Get(':assistant_id/subgraphs/:namespace')
  @ASSISTANT_ID
  @PathPart('namespace', 'The subgraph, its parts separated by `|`')
  @Option('recurse', 'Also the subgraphs of subgraphs', { type: 'boolean' })
  @Answers('One subgraph of the graph', 'Subgraphs', 404, 422)
  subgraph(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.api.answer('graph', request, reply, (asked) =>
      this.subgraphsOf(asked, asked.part('namespace')),
    )
  }

  private async subgraphsOf(asked: Asked, namespace?: string): Promise<BusReply> {
    const { request } = asked.readOf(SubgraphsRequest, { query: { recurse: 'boolean' } })
    const known = await this.described(asked, request, 'subgraphs')
    const { unknown } = unknownOf(known.descriptor, '/subgraphs')
    // Its fields are namespaces, so that the answer itself has no room for it.
    const more = unknown?.includes('/subgraphs') ? { 'Ledger-Unknown': '/subgraphs' } : {}
    return shown(known, subgraphsOf(known.descriptor, namespace, request.recurse), more)
  }

  /** The descriptor of an assistant's graph, for whoever may see the assistant. */
  private async described(
    asked: Asked,
    { assistant_id }: AssistantRequest,
    part: string,
  ): Promise<RegisteredDescriptor> {
    const { visible } = await asked.may('read', { assistant_id })
    await asked.reached()
    const { queries, descriptors } = asked.services
    const { body } = await queries.get({ assistant_id, environment: 'live' }, visible)
    const graphId = (body as { readonly graph_id: string }).graph_id
    const known = await descriptors.shown(graphId)
    if (!known) throw awaited(graphId, part)
    return known
  }
}

/** What a descriptor says, and by a header which one it is. */
const shown = (
  { hash }: RegisteredDescriptor,
  body: JsonObject,
  headers: Readonly<Record<string, string>> = {},
): BusReply => new BusReply(body, { 'Ledger-Descriptor': hash, ...headers })
