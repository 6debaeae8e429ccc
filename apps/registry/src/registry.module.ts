// The Nest side of the service: the controllers of the bus, and the services that were opened before them.
import { type DynamicModule, Module } from '@nestjs/common'
import { CommandsController } from './commands/commands.controller.js'
import { CommandService } from './commands/execute.js'
import { FleetService } from './fleet/answer.js'
import { Receipts } from './fleet/receipts.js'
import { Project } from './project.js'
import { QueryService } from './queries/answer.js'
import { QueriesController } from './queries/queries.controller.js'

export interface Services {
  readonly project: Project
  readonly commands: CommandService
  readonly queries: QueryService
  readonly receipts: Receipts
  readonly fleet: FleetService
}

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a Nest module is a class
export class RegistryModule {
  static of(services: Services): DynamicModule {
    return {
      module: RegistryModule,
      controllers: [CommandsController, QueriesController],
      providers: [
        { provide: Project, useValue: services.project },
        { provide: CommandService, useValue: services.commands },
        { provide: QueryService, useValue: services.queries },
        { provide: Receipts, useValue: services.receipts },
        { provide: FleetService, useValue: services.fleet },
      ],
    }
  }
}
