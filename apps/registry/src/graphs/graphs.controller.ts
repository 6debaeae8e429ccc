// What runners tell of their graphs over the bus.
import { MessagePattern } from '@nestjs/microservices'
import type { BusReply, BusRequest } from '../bus/contract.js'
import { BusController } from '../bus/errors.js'
import { commandOf, invalid, readRequest } from '../envelope.js'
import { senderOf } from '../headers.js'
import { Registrations } from './registrations.js'
import { RegisterRequest } from './requests.js'

@BusController()
export class GraphsController {
  constructor(private readonly registrations: Registrations) {}

  @MessagePattern('graphs.register')
  async register({ body, headers, from }: BusRequest): Promise<BusReply> {
    const request = readRequest(RegisterRequest, body, ['descriptor'])
    if (from !== undefined && from !== request.runner)
      throw invalid(`The broker knows the sender as ${from}, so that runner has to be ${from}`, 'runner')
    if (headers.has('if-match'))
      throw invalid('A descriptor is recorded once, at whatever revision: If-Match has no meaning for it')
    // Not verified: whether the broker has accounts is not known here.
    const known = { id: `runner/${request.runner}`, verified: false, via: 'nats' } as const
    return this.registrations.register(request, senderOf(headers, known), commandOf(body))
  }
}
