// A descriptor as the LangGraph API shows it: a drawing, the schemas, the subgraphs. What the runner could not find out is
// null, and named in one field more, `unknown`, by the JSON pointers that the descriptor has for it.
import {
  type GraphDescriptor,
  type GraphDrawing,
  type GraphSchemas,
  type JsonObject,
  type JsonValue,
  SCHEMA_NAMES,
} from '@assistant-ledger/assistant'

/** @param xray whether subgraphs are drawn, or how deep @returns undefined: the graph cannot be drawn */
export function drawingOf(descriptor: GraphDescriptor, xray: boolean | number): JsonObject | undefined {
  const { graph } = descriptor
  const drawing = xray === false ? graph : (deepest(descriptor, xray) ?? graph)
  if (!drawing) return undefined
  return {
    nodes: drawing.nodes.map(withoutClass),
    edges: drawing.edges,
    ...unknownOf(descriptor, xray === false ? '/graph' : '/xray'),
  }
}

function deepest({ xray }: GraphDescriptor, depth: true | number): GraphDrawing | undefined {
  return xray[Math.min(depth === true ? xray.length : depth, xray.length) - 1]
}

/** Where in its library the class of a node is says nothing of the graph: the platform leaves it out. */
function withoutClass(node: JsonObject): JsonObject {
  const { data } = node
  if (typeof data !== 'object' || data === null || Array.isArray(data) || !Object.hasOwn(data, 'id'))
    return node
  const { id: _, ...rest } = data as JsonObject
  return { ...node, data: rest }
}

export function schemasOf(graphId: string, descriptor: GraphDescriptor): JsonObject {
  return { graph_id: graphId, ...shown(descriptor.schemas, descriptor, '/schemas') }
}

/**
 * The schemas of subgraphs, by namespace; none for a namespace that is not there.
 * @param namespace only this one; a nested one (`a|b`) takes `recurse`, as in LangGraph
 * @param recurse also those of subgraphs
 */
export function subgraphsOf(
  descriptor: GraphDescriptor,
  namespace: string | undefined,
  recurse: boolean,
): JsonObject {
  const asked = Object.entries(descriptor.subgraphs).filter(
    ([name]) => (namespace === undefined || name === namespace) && (recurse || !name.includes('|')),
  )
  return Object.fromEntries(
    asked.map(([name, schemas]) => {
      const {
        input_schema: input,
        output_schema: output,
        state_schema: state,
        config_schema: config,
      } = schemas
      // The short names are those of LangGraph's in-memory server, which clients know too.
      const both = {
        ...shown(schemas, descriptor, `/subgraphs/${pointed(name)}`),
        state,
        input,
        output,
        config,
      }
      return [name, both]
    }),
  )
}

function shown(schemas: GraphSchemas, descriptor: GraphDescriptor, at: string): JsonObject {
  const named = SCHEMA_NAMES.map((name): [string, JsonValue] => [name, schemas[name]])
  return { ...Object.fromEntries(named), ...unknownOf(descriptor, at) }
}

/** What is not known of a part of the descriptor; nothing when all of it is. */
export function unknownOf({ unknown }: GraphDescriptor, at: string): { unknown?: readonly string[] } {
  const parts = unknown.filter(
    (pointer) => pointer === at || pointer.startsWith(`${at}/`) || at.startsWith(`${pointer}/`),
  )
  return parts.length > 0 ? { unknown: parts } : {}
}

const pointed = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')
