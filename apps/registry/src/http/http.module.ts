// What is asked over HTTP: the API, health and metrics.
import { type DynamicModule, Module } from '@nestjs/common'
import { TerminusModule } from '@nestjs/terminus'
import { AdminController } from './admin.controller.js'
import { Api } from './api.js'
import { AssistantsController } from './assistants.controller.js'
import { ChangesController } from './changes.controller.js'
import { FleetController } from './fleet.controller.js'
import { GraphsOfAssistantsController } from './graphs.controller.js'
import { HealthController } from './health.controller.js'
import { HistoryController } from './history.controller.js'
import { MetricsController } from './metrics.controller.js'
import { ServiceController } from './service.controller.js'

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a Nest module is a class
export class HttpModule {
  static of(api: Api): DynamicModule {
    return {
      module: HttpModule,
      // A probe that fails says so in its answer; a line for each would bury all others.
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [
        AssistantsController,
        GraphsOfAssistantsController,
        HistoryController,
        ChangesController,
        FleetController,
        ServiceController,
        AdminController,
        HealthController,
        MetricsController,
      ],
      providers: [{ provide: Api, useValue: api }],
    }
  }
}
