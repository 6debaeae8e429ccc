// What is asked over HTTP: health and metrics.
import { Module } from '@nestjs/common'
import { TerminusModule } from '@nestjs/terminus'
import { HealthController } from './health.controller.js'
import { MetricsController } from './metrics.controller.js'

@Module({
  // A probe that fails says so in its answer; a line for each would bury all others.
  imports: [TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController, MetricsController],
})
export class HttpModule {}
