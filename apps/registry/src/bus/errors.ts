// What a handler throws would be logged and flattened by Nest's own filter before the bus sees it; this one hands it
// on as it is. `BusController` is a Nest controller with that filter: every handler of the bus stands in one.
import {
  type ArgumentsHost,
  applyDecorators,
  Catch,
  Controller,
  type ExceptionFilter,
  UseFilters,
} from '@nestjs/common'

/** What a handler has thrown, on its way to the bus. */
export class Thrown {
  constructor(readonly error: unknown) {}
}

@Catch()
export class BusErrors implements ExceptionFilter {
  catch(error: unknown, _host: ArgumentsHost): Thrown {
    return new Thrown(error)
  }
}

/**
 * A controller whose `@MessagePattern('<verb>')` handlers take a `BusRequest` and return a `BusReply` or throw.
 * @example
 * @BusController()
 * class Counts {
 *   @MessagePattern('count')
 *   count(request: BusRequest): BusReply { return new BusReply(1) }
 * }
 */
export function BusController(): ClassDecorator {
  return applyDecorators(Controller(), UseFilters(new BusErrors()))
}
