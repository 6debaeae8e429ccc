// Which graphs there are.
import { refuse } from '@assistant-ledger/assistant'
import { RefusalError } from '../bus/contract.js'
import type { Project } from '../project.js'

/**
 * A graph that is not deployed is refused, as the platform does: a mistyped name is found out.
 * @throws RefusalError `graph-not-found`
 */
export function deployed({ graphs }: Pick<Project, 'graphs'>, graph: string | undefined): void {
  if (graph === undefined || !graphs || graphs.has(graph)) return
  const expected = [...graphs].sort().join(', ')
  throw new RefusalError(
    refuse('graph-not-found', `Graph '${graph}' not found. Expected one of: [${expected}]`, {
      field: 'graph_id',
    }),
  )
}
