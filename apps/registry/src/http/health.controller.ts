// The probes. Live: the process answers, whatever is missing around it, since a restart brings nothing of that back.
// Ready: 200 when this replica does its work, 503 when it cannot; each part says in a word how it is and what that means.
import { Controller, Get } from '@nestjs/common'
import {
  HealthCheck,
  type HealthCheckResult,
  HealthCheckService,
  HealthIndicatorService,
} from '@nestjs/terminus'
import { observed } from '../observability/observed.js'
import { type PartState, partsOf } from '../observability/readiness.js'

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
  ) {}

  @Get('live')
  @HealthCheck()
  live(): Promise<HealthCheckResult> {
    return this.health.check([])
  }

  @Get('ready')
  @HealthCheck()
  async ready(): Promise<HealthCheckResult> {
    const parts = await partsOf(observed)
    return this.health.check(
      Object.entries(parts).map(
        ([name, part]) =>
          () =>
            this.shown(name, part),
      ),
    )
  }

  private shown(name: string, { status, ...more }: PartState) {
    const indicator = this.indicators.check(name)
    switch (status) {
      case 'up':
        return indicator.up(more)
      case 'degraded':
        return indicator.degraded(more)
      case 'down':
        return indicator.down(more)
      default:
        return status satisfies never
    }
  }
}
