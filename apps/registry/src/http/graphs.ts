// What a request says of a graph, and what is known of graphs.
import { type JsonObject, refuse } from '@assistant-ledger/assistant'
import { HttpRefusal } from '../auth/authorizer.js'
import { type BusReply, RefusalError } from '../bus/contract.js'
import { invalid } from '../envelope.js'
import type { Project } from '../project.js'
import { booleanOf, integerOf } from './asked.js'

/**
 * A search for a graph that is not deployed is refused, as the platform does: a mistyped name is found out.
 * @throws RefusalError `graph-not-found`
 */
export function deployed({ graphs }: Project, graph: string | undefined): void {
  if (graph === undefined || !graphs || graphs.has(graph)) return
  const expected = [...graphs].sort().join(', ')
  throw new RefusalError(
    refuse('graph-not-found', `Graph '${graph}' not found. Expected one of: [${expected}]`, {
      field: 'graph_id',
    }),
  )
}

/** Whether subgraphs are drawn, or how deep. @throws RefusalError */
export function xrayOf(sent: unknown): boolean | number {
  if (sent === undefined) return false
  const depth = typeof sent === 'string' && !/^[01]$/.test(sent) ? integerOf(sent) : undefined
  const flag = typeof sent === 'string' ? booleanOf(sent) : undefined
  if (flag !== undefined) return flag
  if (depth !== undefined && depth > 0) return depth
  throw invalid('Invalid xray value: it must be true, false or a depth from 1', 'xray')
}

/** What only the graph's code can tell, and runners do not report yet. */
export function reported({ body }: BusReply, part: string): HttpRefusal {
  const { graph_id } = body as JsonObject
  return new HttpRefusal(
    404,
    `The ${part} of graph '${graph_id}' is not known here: this version of the service has nothing of a graph but its name; ask what runs it`,
  )
}
