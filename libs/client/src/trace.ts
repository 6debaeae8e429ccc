// The span of an activation: from a configuration's arrival to its swap or its rejection, in the trace that the command
// began. A no-op unless the worker has set up OpenTelemetry: this package uses nothing but its API.
import { propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { Followed } from './followed.js'

const TRACER = 'assistant-ledger'

export interface Activation {
  rejected(reason: string): void
  /** Something newer came while it was checked. */
  outdated(): void
  end(): void
}

/** @param traceparent of the message that brought it; without one it is nobody's trace, and has no span */
export function activationOf(traceparent: string | undefined, followed: Followed): Activation | undefined {
  if (traceparent === undefined) return undefined
  const { id, environment, ref, graphId } = followed
  const attributes = {
    'ledger.assistant_id': id,
    'ledger.environment': environment,
    'ledger.graph_id': graphId,
    'ledger.ref': ref,
  }
  const from = propagation.extract(ROOT_CONTEXT, { traceparent })
  const span = trace.getTracer(TRACER).startSpan('activate', { kind: SpanKind.CONSUMER, attributes }, from)
  return {
    rejected(reason) {
      span.setAttribute('ledger.rejected', reason)
      span.setStatus({ code: SpanStatusCode.ERROR, message: reason })
    },
    outdated() {
      span.setAttribute('ledger.outdated', true)
    },
    end: () => span.end(),
  }
}
