// A request that was answered: counted, timed, and said in one line for whoever wants to see each of them.
import { debug } from '../lines.js'
import { commandSeconds, commands, queries, querySeconds } from './metrics.js'

export interface Answered {
  /** As it was sent: it may be any text. */
  readonly verb: string
  /** `ok`, or the code of the refusal. */
  readonly outcome: string
  /** Milliseconds from its arrival to its answer. */
  readonly ms: number
  readonly correlationId: string | undefined
}

export const COMMAND_VERBS = ['create', 'update', 'promote', 'rollback', 'delete', 'graphs.register'] as const

const COMMANDS: ReadonlySet<string> = new Set(COMMAND_VERBS)
const QUERIES: ReadonlySet<string> = new Set([
  'get',
  'search',
  'count',
  'versions',
  'version',
  'environments',
  'history',
  'diff',
  'blame',
  'impact',
  'changes',
  'graph',
  'fleet',
])

export function requestAnswered({ verb: sent, outcome, ms, correlationId }: Answered): void {
  const isCommand = COMMANDS.has(sent)
  const verb = isCommand || QUERIES.has(sent) ? sent : 'unknown'
  if (isCommand) {
    commands.inc({ verb, outcome })
    commandSeconds.observe({ verb }, ms / 1000)
  } else {
    queries.inc({ verb, outcome })
    querySeconds.observe({ verb }, ms / 1000)
  }
  debug(`${verb} ${outcome} in ${ms.toFixed(1)} ms`, {
    verb,
    outcome,
    ms: Number(ms.toFixed(3)),
    ...(correlationId === undefined ? {} : { correlation_id: correlationId }),
  })
}
