// A graph's drawings, as the LangGraph platform answers them: alone, and with its subgraphs drawn out to each depth. Equal
// graphs have equal drawings, so that a restart is no news.
import type { GraphDrawing, JsonObject, JsonValue } from '@assistant-ledger/client'
import type { RunnableConfig } from '@langchain/core/runnables'

/** Levels of subgraphs that are drawn one by one; the last drawing has all there are. */
const MOST_DEPTHS = 16

export interface Drawable {
  getGraphAsync(
    config: RunnableConfig & { xray?: boolean | number },
  ): Promise<{ toJSON(): Record<string, unknown> }>
}

export async function draw(graph: Drawable, xray?: boolean | number): Promise<GraphDrawing> {
  const drawn = await graph.getGraphAsync(xray === undefined ? {} : { xray })
  const { nodes, edges }: GraphDrawing = JSON.parse(JSON.stringify(drawn.toJSON()))
  const ids = new Map(nodes.map(({ id = null }, at) => [id, stable(id, at)]))
  const idOf = (id: JsonValue = null) => ids.get(id) ?? id
  return {
    nodes: nodes.map((node) => ({ ...withoutClass(node), id: idOf(node.id) })),
    edges: edges.map((edge) => ({ ...edge, source: idOf(edge.source), target: idOf(edge.target) })),
  }
}

/**
 * By depth, from 1: as many as it takes to draw all out. Depths are tried up to the whole, not until nothing changes: a
 * subgraph of a single node is drawn like that node, and only what is inside of that changes the drawing.
 */
export async function drawnOut(graph: Drawable, alone: GraphDrawing): Promise<readonly GraphDrawing[]> {
  const whole = await draw(graph, true)
  if (same(whole, alone)) return []
  const depths: GraphDrawing[] = []
  while (depths.length < MOST_DEPTHS - 1) {
    const drawn = await draw(graph, depths.length + 1)
    if (same(drawn, whole)) break
    depths.push(drawn)
  }
  return [...depths, whole]
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/

/** A step without a name has a random id. LangGraph makes an index of it, but leaves it in the id of one within a node. */
const stable = (id: JsonValue, at: number): JsonValue =>
  typeof id === 'string' ? id.replace(UUID, `#${at}`) : id

/** The platform does not show `data.id`, the class that a node is of. */
function withoutClass(node: JsonObject): JsonObject {
  const { data } = node
  if (data === null || typeof data !== 'object' || Array.isArray(data)) return node
  const { id: _, ...shown } = data as JsonObject
  return { ...node, data: shown }
}

const same = (one: GraphDrawing, other: GraphDrawing) => JSON.stringify(one) === JSON.stringify(other)
