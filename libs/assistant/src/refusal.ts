// The one registry of refusals: code → HTTP number → meaning. README's table is tested against it.
import type { Violation } from './violations.js'

/** Every code with which a request can be refused. */
export const REFUSALS = {
  'invalid-request': {
    status: 422,
    meaning: 'The request cannot be read: not JSON, a missing, unknown or mistyped field',
  },
  'invalid-config': {
    status: 422,
    meaning:
      'The content breaks a rule of size, depth, numbers or text, or fits no schema of its graph where that is enforced',
  },
  'likely-secret': {
    status: 422,
    meaning: 'The config, context or metadata holds what looks like a secret, and nobody said why it may',
  },
  'config-and-context': {
    status: 400,
    meaning: 'Both config.configurable and context were given; they mirror each other',
  },
  'not-found': { status: 404, meaning: 'There is no such assistant, or no version that matches' },
  'version-not-found': { status: 404, meaning: 'The assistant has no such version' },
  'graph-not-found': { status: 404, meaning: 'The graph is not in langgraph.json' },
  'unknown-environment': { status: 404, meaning: 'The environment is not one of ENVIRONMENTS' },
  'unknown-verb': { status: 404, meaning: 'There is no such command or query' },
  'already-exists': { status: 409, meaning: 'The assistant exists already' },
  'key-reused': { status: 409, meaning: 'The Idempotency-Key was used before with another command' },
  moved: { status: 409, meaning: 'The environment points elsewhere by now than the command saw' },
  'nothing-before': { status: 409, meaning: 'Nothing was in the environment before the present version' },
  'nothing-to-guard': {
    status: 409,
    meaning: 'A guard has nothing to go back to: the version is there already, or nothing was there before',
  },
  conflict: { status: 409, meaning: 'Others kept changing the assistant; the bounded retries are used up' },
  'revision-mismatch': { status: 412, meaning: 'If-Match names another revision than the present one' },
  'too-large': { status: 413, meaning: 'The request or its reply is larger than allowed' },
  busy: { status: 429, meaning: 'Too many requests are under way; try again' },
  internal: { status: 500, meaning: 'The service failed; the log has the cause' },
  unavailable: {
    status: 503,
    meaning:
      'A part the request needs cannot be reached; whether a command took effect is unknown until it is retried with its key',
  },
  unreadable: {
    status: 503,
    meaning: 'The assistant, or the graph, has an event that this version of the service cannot read',
  },
} as const

export type RefusalCode = keyof typeof REFUSALS

/** A request refused: a value, not an error. Fields beside `code` and `detail` are specific to the code. */
export interface Refusal {
  readonly code: RefusalCode
  /** A sentence for a person: what was refused, and what to do. */
  readonly detail: string
  /** `revision-mismatch`: the actual stream revision, or -1 for none. */
  readonly revision?: number
  /** The field or JSON pointer at fault; of several, the first. */
  readonly field?: string
  /** `likely-secret`: all of them. */
  readonly pointers?: readonly string[]
  /** `invalid-config`: what the schema that fits best finds, where schemas are enforced. */
  readonly violations?: readonly Violation[]
}

export function refuse(
  code: RefusalCode,
  detail: string,
  more: Omit<Refusal, 'code' | 'detail'> = {},
): Refusal {
  return { code, detail, ...more }
}
