// What a part that is away means to whoever asked: a refusal that says which part it is, and that asking again is safe.
import { type Refusal, refuse } from '@assistant-ledger/assistant'
import { LogUnavailable } from '@assistant-ledger/event-log'
import { ReadModelUnavailable } from '@assistant-ledger/read-model'
import { RefusalError } from './bus/contract.js'

/** The refusal that a failure is answered with; undefined when it is a defect of the service. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof RefusalError) return error.refusal
  if (error instanceof LogUnavailable) return away('event log')
  if (error instanceof ReadModelUnavailable) return away('read database')
  return undefined
}

const away = (part: string): Refusal =>
  refuse('unavailable', `The ${part} cannot be reached; ask again, a command under the same Idempotency-Key`)
