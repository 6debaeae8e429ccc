// What a request says of a graph, and what there is to say where its descriptor is not known.
import { systemAssistantId } from '@assistant-ledger/assistant'
import { HttpRefusal } from '../auth/authorizer.js'
import { invalid } from '../envelope.js'
import type { Project } from '../project.js'
import { booleanOf, integerOf } from './asked.js'

/** Whether subgraphs are drawn, or how deep: 1 is a depth, unlike elsewhere. @throws RefusalError */
export function xrayOf(sent: unknown): boolean | number {
  if (sent === undefined || sent === '') return false
  const depth = typeof sent === 'string' ? integerOf(sent) : undefined
  if (depth !== undefined && depth > 0) return depth
  const flag = typeof sent === 'string' && depth === undefined ? booleanOf(sent) : undefined
  if (flag !== undefined) return flag
  throw invalid('Invalid xray value: it must be true, false or a depth from 1', 'xray')
}

/** The id of the assistant that is meant: a graph's id stands for its system assistant, as on the platform. */
export const assistantOr = ({ name, graphs }: Project, sent: string): string =>
  graphs?.has(sent) ? systemAssistantId(name, sent) : sent

/** What only the graph's code can tell, and no runner has told yet. */
export const awaited = (graphId: string, part: string): HttpRefusal =>
  new HttpRefusal(
    404,
    `The ${part} of graph '${graphId}' is not known yet: a runner of graph '${graphId}' reports it when it starts, and none has so far`,
  )
