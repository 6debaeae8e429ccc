// The span of a key that is published, and the header by which a runner's activation joins the same trace.
import type { ConfigKey } from '@assistant-ledger/read-model'
import { headers, type MsgHdrs } from '@nats-io/transport-node'
import { type Context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'

const TRACER = 'assistant-ledger'

/** Writes a key in a span of its own. @throws what the write throws */
export async function publishing(
  context: Context,
  { environment, graphId, assistantId, version, revision }: ConfigKey,
  write: (given: MsgHdrs) => Promise<void>,
): Promise<void> {
  const attributes = {
    'ledger.environment': environment,
    'ledger.graph_id': graphId,
    'ledger.assistant_id': assistantId,
    'ledger.version': version,
    'ledger.revision': Number(revision),
  }
  const span = trace.getTracer(TRACER).startSpan('publish', { kind: SpanKind.PRODUCER, attributes }, context)
  const given = headers()
  propagation.inject(trace.setSpan(context, span), given, {
    set: (carrier, name, value) => carrier.set(name, value),
  })
  try {
    await write(given)
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message })
    throw error
  } finally {
    span.end()
  }
}
