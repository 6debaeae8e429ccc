// The metrics, in Prometheus's text format.
import { Controller, Get, Header } from '@nestjs/common'
import { registry } from '../observability/metrics.js'

@Controller('metrics')
export class MetricsController {
  @Get()
  @Header('Content-Type', registry.contentType)
  @Header('Cache-Control', 'no-store')
  metrics(): Promise<string> {
    return registry.metrics()
  }
}
