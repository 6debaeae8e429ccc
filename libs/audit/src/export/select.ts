// Which streams an export has.
import { assistantIdOf, assistantStream, fleetStream, graphStream } from '@assistant-ledger/assistant'
import type { EventText, LogForReading } from '@assistant-ledger/event-log'
import type { Selection } from './line.js'

/** Whether a stream is the project's own: `<category>.<project>` or `<category>.<project>-…`. */
export function isOf(project: string, stream: string): boolean {
  const dot = stream.indexOf('.')
  if (dot < 1 || !stream.startsWith(project, dot + 1)) return false
  const end = dot + 1 + project.length
  return stream.length === end || stream[end] === '-'
}

/** The streams that a selection wants; graphs are looked for in the log, which takes one pass over it. */
export async function wantedStreams(
  log: LogForReading,
  { assistants, graphs }: Selection,
  signal: AbortSignal | undefined,
): Promise<(stream: string) => boolean> {
  const { project } = log
  if (assistants === undefined && graphs === undefined) return (stream) => isOf(project, stream)
  const ids = new Set(assistants)
  if (graphs) for await (const id of idsOfGraphs(log, new Set(graphs), signal)) ids.add(id)
  const own = new Set(graphs?.map((graph) => graphStream(project, graph)))
  const [assistant, fleet] = [assistantStream(project, ''), fleetStream(project, '')]
  return (stream) => {
    if (own.has(stream)) return true
    const prefix = [assistant, fleet].find((one) => stream.startsWith(one))
    return prefix !== undefined && ids.has(stream.slice(prefix.length))
  }
}

/** The assistants that had a version of one of these graphs. */
async function* idsOfGraphs(
  log: LogForReading,
  graphs: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const prefix = assistantStream(log.project, '')
  const wanted = (stream: string) => stream.startsWith(prefix)
  for await (const page of log.pages({ wanted, ...(signal ? { signal } : {}) }))
    for (const event of page)
      if (graphs.has(graphOf(event) ?? '')) yield assistantIdOf(event.stream) as string
}

function graphOf({ type, data }: EventText): string | undefined {
  if (type !== 'AssistantCreated' && type !== 'ConfigChanged') return undefined
  try {
    return JSON.parse(data).content?.graph_id
  } catch {
    return undefined
  }
}
