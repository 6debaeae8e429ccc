// The spans of a command: received, appended, projected, and in the change feed published. They are joined by what goes
// with the command: its trace in this process, and the trace id in its events' metadata everywhere else. No context is
// ambient: what belongs to a trace is handed on, so that a process without a collector pays nothing for it.
import {
  type Context,
  isSpanContextValid,
  isValidTraceId,
  propagation,
  ROOT_CONTEXT,
  type SpanOptions,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { RefusalError } from '../bus/contract.js'
import { OBSERVE_LIMITS } from './limits.js'

const TRACER = 'assistant-ledger'

/** Whether spans go anywhere. */
export const tracing = { on: false }

/** The context of whoever sent a request, from its `traceparent`. */
export const contextOf = (traceparent: string | undefined): Context =>
  traceparent === undefined || !tracing.on ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, { traceparent })

/** The id of the trace that a context is in, as events carry it. */
export function traceIdOf(context: Context): string | undefined {
  const span = trace.getSpanContext(context)
  return span && isSpanContextValid(span) ? span.traceId : undefined
}

/** Does work in a span of its own. A refusal is an outcome, any other failure an error. */
export async function inSpan<T>(
  name: string,
  parent: Context,
  options: SpanOptions,
  work: (context: Context) => Promise<T>,
): Promise<T> {
  if (!tracing.on) return work(parent)
  const span = trace.getTracer(TRACER).startSpan(name, options, parent)
  try {
    return await work(trace.setSpan(parent, span))
  } catch (error) {
    if (error instanceof RefusalError) span.setAttribute('ledger.refusal', error.refusal.code)
    else {
      span.recordException(error as Error)
      span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message })
    }
    throw error
  } finally {
    span.end()
  }
}

interface Appended {
  readonly context: Context
  readonly at: number
}

/** By position: what was appended here and is not projected yet, and what may still be published. */
const unprojected = new Map<bigint, Appended>()
const carried = new Map<bigint, Context>()

/** What was appended in a trace goes on in it. */
export function carryOn(position: bigint, context: Context): void {
  if (!tracing.on) return
  unprojected.set(position, { context, at: Date.now() })
  carried.set(position, context)
  for (const map of [unprojected, carried])
    if (map.size > OBSERVE_LIMITS.traces) map.delete(map.keys().next().value as bigint)
}

/** Spans of what the read model shows from now on. */
export function projected(through: bigint): void {
  for (const [position, { context, at }] of unprojected) {
    if (position > through) continue
    unprojected.delete(position)
    const attributes = { 'ledger.position': String(position) }
    trace.getTracer(TRACER).startSpan('project', { startTime: at, attributes }, context).end()
  }
}

interface Event {
  readonly position: bigint
  readonly id: string
  readonly metadata: unknown
}

/**
 * The context that an event is published in. That of an event that another replica has appended is made from what the
 * event carries: the same trace, under a span id that the event's own id gives.
 */
export function contextOfEvent({ position, id, metadata }: Event): Context | undefined {
  if (!tracing.on) return undefined
  const here = carried.get(position)
  if (here) return here
  const { $correlationId: traceId } = metadata as { readonly $correlationId?: string }
  if (traceId === undefined || !isValidTraceId(traceId)) return undefined
  const spanId = id.replaceAll('-', '').slice(-16)
  const remote = { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true }
  return isSpanContextValid(remote) ? trace.setSpanContext(ROOT_CONTEXT, remote) : undefined
}
