// The refusal of an environment that is not declared, as queries give it.
import { refuse } from '@assistant-ledger/assistant'
import { RefusalError } from '../bus/contract.js'

export const unknownEnvironment = (
  environment: string,
  declared: ReadonlySet<string>,
  field = 'environment',
): RefusalError =>
  new RefusalError(
    refuse(
      'unknown-environment',
      `Environment '${environment}' is not declared. Expected one of: [${[...declared].join(', ')}]`,
      { field },
    ),
  )
