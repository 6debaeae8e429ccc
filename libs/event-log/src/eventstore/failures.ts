// What a failure of the client means. Its errors come typed, or raw with a gRPC code, or as plain ones, depending on
// where in it they arise; what is unknown here counts as the worst that it can be.
import { type CommandError, ErrorType } from '@eventstore/db-client'
import { type ExpectedRevision, LogConflict, LogInDoubt, LogRejected, LogUnavailable } from '../log.js'
import { TimeOver } from './within.js'

/** What became of a call. */
export type Failure =
  | { readonly type: 'conflict'; readonly actual: ExpectedRevision }
  | { readonly type: 'no-stream' }
  | { readonly type: 'deleted' }
  | { readonly type: 'too-large' }
  | { readonly type: 'denied' }
  | { readonly type: 'invalid' }
  /** Not done; the client's next call goes to the leader. */
  | { readonly type: 'not-leader' }
  /** It never left this process. */
  | { readonly type: 'not-sent' }
  /** The server gave up on it: a subscription was too slow, a write took too long. */
  | { readonly type: 'given-up' }
  /** The server answered that it failed, and not at what: also when it is asked for a position where no event begins. */
  | { readonly type: 'unknown' }
  /** No answer, or none that tells anything; the connection had better be a new one. */
  | { readonly type: 'lost' }
  /** The client or the server does what it never should. */
  | { readonly type: 'defect' }

export function failureOf(error: unknown): Failure {
  if (error instanceof TimeOver) return { type: 'lost' }
  if (!(error instanceof Error)) return { type: 'defect' }
  const { type, actualVersion } = error as Partial<CommandError> & {
    readonly actualVersion?: ExpectedRevision
  }
  switch (type) {
    case ErrorType.WRONG_EXPECTED_VERSION:
      return { type: 'conflict', actual: actualVersion ?? 'no_stream' }
    case ErrorType.STREAM_NOT_FOUND:
    case ErrorType.NO_STREAM:
      return { type: 'no-stream' }
    case ErrorType.STREAM_DELETED:
      return { type: 'deleted' }
    case ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED:
      return { type: 'too-large' }
    case ErrorType.ACCESS_DENIED:
      return { type: 'denied' }
    case ErrorType.INVALID_ARGUMENT:
    case ErrorType.INVALID_TRANSACTION:
      return { type: 'invalid' }
    case ErrorType.NOT_LEADER:
      return { type: 'not-leader' }
    case ErrorType.TIMEOUT:
      return { type: 'given-up' }
    default:
      return byCode(error)
  }
}

/** The codes of gRPC, and what is left without one. */
function byCode(error: Error): Failure {
  switch ((error as { readonly code?: unknown }).code) {
    case CODE.unavailable:
      return { type: NEVER_LEFT.test(error.message) ? 'not-sent' : 'lost' }
    case CODE.unknown:
      return { type: 'unknown' }
    case CODE.cancelled:
    case CODE.deadlineExceeded:
    case CODE.internal:
    case CODE.dataLoss:
    case CODE.resourceExhausted:
      return { type: 'lost' }
    case CODE.aborted:
      return { type: 'given-up' }
    case CODE.permissionDenied:
    case CODE.unauthenticated:
      return { type: 'denied' }
    case CODE.invalidArgument:
    case CODE.outOfRange:
    case CODE.failedPrecondition:
      return { type: 'invalid' }
    default:
      return { type: NEVER_CALLED.test(error.message) ? 'not-sent' : 'defect' }
  }
}

const CODE = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const

/**
 * Only these words tell a call that found no connection from one that lost it on the way. Should gRPC change them, an
 * append is in doubt that need not be, which is the safe side.
 */
const NEVER_LEFT = /No connection established|Name resolution failed|Channel closed before call started/
/** What comes as a plain error, from before there is a call. */
const NEVER_CALLED = /^Failed to discover after \d+ attempts|^Channel has been shut down/

/** Whether the client that failed so had better be replaced: some never recover. */
export const isClientGone = ({ type }: Failure): boolean =>
  type === 'lost' || type === 'not-sent' || type === 'defect'

/** A failed append, as the port has it. */
export function appendFailure(
  error: unknown,
  failure: Failure,
  stream: string,
  expected: ExpectedRevision,
): Error {
  const cause = { cause: error }
  switch (failure.type) {
    case 'conflict':
      return new LogConflict(stream, expected, failure.actual)
    case 'deleted':
      return new LogRejected(`stream ${stream} was deleted for good`, 'deleted', cause)
    case 'too-large':
      return new LogRejected('the event store does not take an append of this size', 'too-large', cause)
    case 'denied':
      return new LogRejected(`the event store does not let us append to ${stream}`, 'denied', cause)
    case 'invalid':
      return new LogRejected(`the event store does not take this append: ${lineOf(error)}`, 'invalid', cause)
    case 'not-leader':
    case 'not-sent':
      return new LogUnavailable(`nothing was written: ${lineOf(error)}`, cause)
    case 'given-up':
    case 'unknown':
    case 'lost':
      return new LogInDoubt(`whether it was written is unknown: ${lineOf(error)}`, cause)
    case 'no-stream':
    case 'defect':
      return defect(error)
    default:
      return failure satisfies never
  }
}

/** A failed read, as the port has it. */
export function readFailure(error: unknown, failure: Failure): Error {
  if (failure.type === 'defect' || failure.type === 'conflict') return defect(error)
  const what = failure.type === 'denied' ? 'does not let us read' : 'cannot be read'
  return new LogUnavailable(`the event store ${what}: ${lineOf(error)}`, { cause: error })
}

const defect = (error: unknown): Error =>
  new Error(`a defect of the event store or of its client: ${lineOf(error)}`, { cause: error })

/** An error in one line; some of the client's have an empty message. */
export function lineOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const line = error.message.replaceAll(/\s*\n\s*/g, ' ').slice(0, 500)
  return line || (error as Partial<CommandError>).type || error.name
}
