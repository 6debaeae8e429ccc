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

/** The log has nothing of what was asked for. One line, that names it. */
export class NothingOfThat extends Error {
  override readonly name = 'NothingOfThat'
}

/**
 * The streams that a selection wants; graphs are looked for in the log, which takes one pass over it.
 * @throws NothingOfThat naming the assistants and graphs that the log has nothing of
 */
export async function wantedStreams(
  log: LogForReading,
  { assistants, graphs }: Selection,
  signal: AbortSignal | undefined,
): Promise<(stream: string) => boolean> {
  const { project } = log
  if (assistants === undefined && graphs === undefined) return (stream) => isOf(project, stream)
  const ids = new Set(assistants)
  const own = new Set(graphs?.map((graph) => graphStream(project, graph)))
  const [assistant, fleet] = [assistantStream(project, ''), fleetStream(project, '')]
  const unknown: string[] = []
  for (const id of ids)
    if (!(await isThere(log, assistant + id)) && !(await isThere(log, fleet + id)))
      unknown.push(`assistant ${id}`)
  if (graphs) {
    const missing = new Set(graphs)
    for await (const { id, graph } of ofGraphs(log, new Set(graphs), signal)) {
      ids.add(id)
      missing.delete(graph)
    }
    for (const graph of missing)
      if (!(await isThere(log, graphStream(project, graph)))) unknown.push(`graph ${JSON.stringify(graph)}`)
  }
  if (unknown.length > 0) throw new NothingOfThat(`the log has nothing of ${unknown.join(', ')}`)
  return (stream) => {
    if (own.has(stream)) return true
    const prefix = [assistant, fleet].find((one) => stream.startsWith(one))
    return prefix !== undefined && ids.has(stream.slice(prefix.length))
  }
}

async function isThere(log: LogForReading, stream: string): Promise<boolean> {
  for await (const _ of log.readStream(stream, { limit: 1 })) return true
  return false
}

/** The assistants that had a version of one of these graphs, once for each such version. */
async function* ofGraphs(
  log: LogForReading,
  graphs: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly id: string; readonly graph: string }> {
  const prefix = assistantStream(log.project, '')
  const wanted = (stream: string) => stream.startsWith(prefix)
  for await (const page of log.pages({ wanted, ...(signal ? { signal } : {}) }))
    for (const event of page) {
      const graph = graphOf(event)
      if (graph !== undefined && graphs.has(graph)) yield { id: assistantIdOf(event.stream) as string, graph }
    }
}

function graphOf({ type, data }: EventText): string | undefined {
  if (type !== 'AssistantCreated' && type !== 'ConfigChanged') return undefined
  try {
    return JSON.parse(data).content?.graph_id
  } catch {
    return undefined
  }
}
