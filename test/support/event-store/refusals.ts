// The server's refusals as gRPC statuses: what kind it is stands in the trailers, where the client looks for it.
import { Metadata, type StatusObject, status } from '@grpc/grpc-js'
import type { Expected } from './check.js'

export type Refusal = Partial<StatusObject> & { readonly code: status }

function refusal(code: status, details: string, trailers: Record<string, string> = {}): Refusal {
  const metadata = new Metadata()
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value)
  return { code, details, metadata }
}

export function streamDeleted(stream: string): Refusal {
  return refusal(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': stream,
  })
}

const EXPECTED_NUMBERS = { any: -2, no_stream: -1, stream_exists: -4 }

/** How a deletion is refused; an append has a reply of its own for it. Here no stream is -1, not left out. */
export function wrongExpectedVersion(stream: string, expected: Expected, current: number): Refusal {
  const number = typeof expected === 'number' ? expected : EXPECTED_NUMBERS[expected]
  const details = `Delete failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${number}, Actual version: ${current}`
  return refusal(status.FAILED_PRECONDITION, details, {
    exception: 'wrong-expected-version',
    'stream-name': stream,
    'expected-version': String(number),
    'actual-version': String(current),
  })
}

export function appendTooLarge(maxBytes: number): Refusal {
  return refusal(status.INVALID_ARGUMENT, `Maximum Append Size of ${maxBytes} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': String(maxBytes),
  })
}

export function accessDenied(): Refusal {
  return refusal(status.PERMISSION_DENIED, 'Access Denied', { exception: 'access-denied' })
}

export function notLeader(host: string, port: number): Refusal {
  return refusal(status.NOT_FOUND, `Leader info available. Leader is at ${host}:${port}.`, {
    exception: 'not-leader',
    'leader-endpoint-host': host,
    'leader-endpoint-port': String(port),
  })
}

export function consumerTooSlow(): Refusal {
  return refusal(
    status.ABORTED,
    'Operation timed out: Consumer too slow to handle event while live. Client resubscription required.',
  )
}

/** What the server could not make sense of. */
export function handlerThrew(): Refusal {
  return refusal(status.UNKNOWN, 'Exception was thrown by handler.')
}

/** A read that starts where none can. */
export function unexpectedResult(kind: 'ReadStreamResult' | 'ReadAllResult'): Refusal {
  return refusal(status.UNKNOWN, `Unexpected ${kind}: Error`)
}

export function unavailable(): Refusal {
  return refusal(status.UNAVAILABLE, 'Server Is Not Ready')
}

export function internal(): Refusal {
  return refusal(status.INTERNAL, 'Something went wrong.')
}
