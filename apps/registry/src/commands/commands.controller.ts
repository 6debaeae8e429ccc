// The commands as they come in over the bus.
import { MessagePattern } from '@nestjs/microservices'
import type { BusReply, BusRequest, LaterReply } from '../bus/contract.js'
import { BusController } from '../bus/errors.js'
import { commandOf, readRequest } from '../envelope.js'
import { senderOf } from '../headers.js'
import { Commands, type Sent } from './commands.js'
import { CreateRequest, DeleteRequest, PromoteRequest, RollbackRequest, UpdateRequest } from './requests.js'

@BusController()
export class CommandsController {
  constructor(private readonly commands: Commands) {}

  @MessagePattern('create')
  async create(request: BusRequest): Promise<BusReply> {
    const create = readRequest(CreateRequest, request.body)
    const sent = sentWith(request)
    return this.commands.create(create, this.commands.idFor(create, sent.sender), sent)
  }

  @MessagePattern('update')
  async update(request: BusRequest): Promise<BusReply | LaterReply> {
    return this.commands.update(readRequest(UpdateRequest, request.body), sentWith(request))
  }

  @MessagePattern('promote')
  async promote(request: BusRequest): Promise<BusReply | LaterReply> {
    return this.commands.promote(readRequest(PromoteRequest, request.body, ['guard']), sentWith(request))
  }

  @MessagePattern('rollback')
  async rollback(request: BusRequest): Promise<BusReply | LaterReply> {
    return this.commands.rollback(readRequest(RollbackRequest, request.body), sentWith(request))
  }

  @MessagePattern('delete')
  async delete(request: BusRequest): Promise<BusReply> {
    return this.commands.delete(readRequest(DeleteRequest, request.body), sentWith(request))
  }
}

const sentWith = ({ body, headers }: BusRequest): Sent => ({
  sender: senderOf(headers),
  received: commandOf(body),
})
