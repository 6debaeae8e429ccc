// Where this runner's spans go: to the OpenTelemetry collector that OTEL_EXPORTER_OTLP_ENDPOINT names. Without it nothing
// is loaded. A worker with an OpenTelemetry of its own needs none of this: the client's spans are in it then.
import { propagation, trace } from '@opentelemetry/api'

const STOP_MS = 500

/** @returns what sends the last spans, a bounded time */
export async function startTraces(env: NodeJS.ProcessEnv): Promise<() => Promise<void>> {
  if (!env.OTEL_EXPORTER_OTLP_ENDPOINT && !env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) return async () => {}
  const [sdk, { OTLPTraceExporter }, { W3CTraceContextPropagator }, resources] = await Promise.all([
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/core'),
    import('@opentelemetry/resources'),
  ])
  const { defaultResource, detectResources, envDetector, resourceFromAttributes } = resources
  const provider = new sdk.BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'assistant-ledger-runner' }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter())],
  })
  trace.setGlobalTracerProvider(provider)
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  return async () => {
    const late = new Promise((resolve) => setTimeout(resolve, STOP_MS).unref())
    await Promise.race([provider.shutdown().catch(() => undefined), late])
  }
}
