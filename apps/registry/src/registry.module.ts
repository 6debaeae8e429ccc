// The Nest side of the service: the controllers of the bus, and the services that were opened before them.
import { type DynamicModule, Module } from '@nestjs/common'
import type { Admin } from './admin/admin.js'
import type { Changes } from './changes/changes.js'
import type { LedgerService } from './checkpoints/service.js'
import { CommandsController } from './commands/commands.controller.js'
import { Commands } from './commands/commands.js'
import { FleetService } from './fleet/answer.js'
import type { GraphDescriptors } from './graphs/descriptors.js'
import { GraphsController } from './graphs/graphs.controller.js'
import { Registrations } from './graphs/registrations.js'
import type { Project } from './project.js'
import { QueryService } from './queries/answer.js'
import { ImpactService } from './queries/impact.js'
import { PastService } from './queries/past.js'
import { QueriesController } from './queries/queries.controller.js'

export interface Services {
  readonly project: Project
  readonly commands: Commands
  readonly queries: QueryService
  readonly past: PastService
  readonly impact: ImpactService
  readonly changes: Changes
  readonly fleet: FleetService
  readonly ledger: LedgerService
  readonly admin: Admin
  readonly descriptors: GraphDescriptors
  readonly registrations: Registrations
}

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a Nest module is a class
export class RegistryModule {
  static of(services: Services): DynamicModule {
    return {
      module: RegistryModule,
      controllers: [CommandsController, QueriesController, GraphsController],
      providers: [
        { provide: Commands, useValue: services.commands },
        { provide: QueryService, useValue: services.queries },
        { provide: PastService, useValue: services.past },
        { provide: ImpactService, useValue: services.impact },
        { provide: FleetService, useValue: services.fleet },
        { provide: Registrations, useValue: services.registrations },
      ],
    }
  }
}
