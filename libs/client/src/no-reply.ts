// Why a request had no answer, in words for whoever operates the worker.
import { NoRespondersError, RequestError, TimeoutError } from '@nats-io/transport-node'

export function whyNoReply(cause: unknown, timeoutMs: number): string {
  if (cause instanceof NoRespondersError || (cause instanceof RequestError && cause.isNoResponders()))
    return 'no registry answers'
  if (cause instanceof TimeoutError) return `no answer within ${timeoutMs} ms`
  return (cause as Error).message
}
