// The queries as they come in over the bus. A query may ask for an answer no older than a position it has seen.
import { MessagePattern } from '@nestjs/microservices'
import type { BusReply, BusRequest } from '../bus/contract.js'
import { BusController } from '../bus/errors.js'
import { invalid, readRequest } from '../envelope.js'
import { FleetService } from '../fleet/answer.js'
import { minPosition, senderOf } from '../headers.js'
import { QueryService } from './answer.js'
import { ImpactService } from './impact.js'
import { isOfThen, PastService } from './past.js'
import { BlameRequest, DiffRequest, HistoryRequest, ImpactRequest } from './past-requests.js'
import {
  CountRequest,
  FleetRequest,
  GetRequest,
  SearchRequest,
  VersionRequest,
  VersionsRequest,
} from './requests.js'

@BusController()
export class QueriesController {
  constructor(
    private readonly queries: QueryService,
    private readonly past: PastService,
    private readonly runners: FleetService,
    private readonly impacts: ImpactService,
  ) {}

  @MessagePattern('get')
  async get(request: BusRequest): Promise<BusReply> {
    const get = await this.read(GetRequest, request)
    return isOfThen(get) ? this.past.get(get) : this.queries.get(get)
  }

  @MessagePattern('search')
  async search(request: BusRequest): Promise<BusReply> {
    return this.queries.search(await this.read(SearchRequest, request), request.mostReplyBytes)
  }

  @MessagePattern('count')
  async count(request: BusRequest): Promise<BusReply> {
    return this.queries.count(await this.read(CountRequest, request))
  }

  @MessagePattern('versions')
  async versions(request: BusRequest): Promise<BusReply> {
    return this.queries.versions(await this.read(VersionsRequest, request), request.mostReplyBytes)
  }

  @MessagePattern('version')
  async version(request: BusRequest): Promise<BusReply> {
    return this.queries.version(await this.read(VersionRequest, request))
  }

  @MessagePattern('history')
  async history(request: BusRequest): Promise<BusReply> {
    return this.past.history(await this.read(HistoryRequest, request))
  }

  @MessagePattern('diff')
  async diff(request: BusRequest): Promise<BusReply> {
    return this.past.diff(await this.read(DiffRequest, request))
  }

  @MessagePattern('blame')
  async blame(request: BusRequest): Promise<BusReply> {
    return this.past.blame(await this.read(BlameRequest, request))
  }

  @MessagePattern('impact')
  async impact(request: BusRequest): Promise<BusReply> {
    const { actor } = senderOf(request.headers)
    return this.impacts.impact(await this.read(ImpactRequest, request), actor)
  }

  @MessagePattern('fleet')
  async fleet(request: BusRequest): Promise<BusReply> {
    return this.runners.fleet(await this.read(FleetRequest, request))
  }

  private async read<T extends object>(type: new () => T, { body, headers }: BusRequest): Promise<T> {
    const request = readRequest(type, body)
    if (headers.has('if-match'))
      throw invalid('If-Match makes a command conditional; a query changes nothing')
    const position = minPosition(headers)
    if (position !== undefined) await this.queries.reached(position)
    return request
  }
}
