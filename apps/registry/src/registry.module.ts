// The Nest side of the service: the controllers of the bus, and the services that were opened before them.
import { type DynamicModule, Module } from '@nestjs/common'
import type { Admin } from './admin/admin.js'
import { CommandsController } from './commands/commands.controller.js'
import { Commands } from './commands/commands.js'
import { FleetService } from './fleet/answer.js'
import type { Project } from './project.js'
import { QueryService } from './queries/answer.js'
import { QueriesController } from './queries/queries.controller.js'

export interface Services {
  readonly project: Project
  readonly commands: Commands
  readonly queries: QueryService
  readonly fleet: FleetService
  readonly admin: Admin
}

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a Nest module is a class
export class RegistryModule {
  static of(services: Services): DynamicModule {
    return {
      module: RegistryModule,
      controllers: [CommandsController, QueriesController],
      providers: [
        { provide: Commands, useValue: services.commands },
        { provide: QueryService, useValue: services.queries },
        { provide: FleetService, useValue: services.fleet },
      ],
    }
  }
}
