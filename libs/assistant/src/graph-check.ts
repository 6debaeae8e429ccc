// Whether a descriptor that a runner sent can be recorded: its shape, its depth and its size, before anything recursive
// sees it. What its schemas say is the runner's business.
import { canonical, sha256 } from './canonical.js'
import { type Checked, faultIn, type JsonRules } from './check-json.js'
import { type GraphDescriptor, SCHEMA_NAMES } from './graph.js'
import type { JsonObject, JsonValue } from './json.js'
import { type Refusal, refuse } from './refusal.js'

export const DESCRIPTOR_LIMITS = {
  /** UTF-8 bytes of its canonical JSON. */
  bytes: 512 * 1024,
  /** Objects and arrays inside each other; the descriptor itself is the first. JSON schemas are deep. */
  depth: 128,
} as const

/** A schema may well name the largest integer of 64 bits: rounded, it is the same schema for everybody who reads it. */
const RULES: JsonRules = { depth: DESCRIPTOR_LIMITS.depth, largeIntegers: true, code: 'invalid-request' }

const FIELDS = ['schemas', 'graph', 'xray', 'subgraphs', 'unknown'] as const

/**
 * Checks a descriptor as it was sent.
 * @param field names it in refusals
 * @returns the descriptor with its hash; else `invalid-request` or `too-large`, with the field at fault
 */
export function readDescriptor(
  value: JsonValue,
  field: string,
): Checked<{ readonly descriptor: GraphDescriptor; readonly hash: string }> {
  const refusal = faultIn(value, field, RULES) ?? misshapen(value, field)
  if (refusal) return { ok: false, refusal }
  const text = canonical(value)
  const bytes = Buffer.byteLength(text, 'utf8')
  if (bytes > DESCRIPTOR_LIMITS.bytes)
    return {
      ok: false,
      refusal: refuse(
        'too-large',
        `${field} has ${bytes} bytes as canonical JSON; at most ${DESCRIPTOR_LIMITS.bytes} are allowed`,
        { field },
      ),
    }
  return {
    ok: true,
    value: { descriptor: value as unknown as GraphDescriptor, hash: sha256(text) },
  }
}

function misshapen(value: JsonValue, field: string): Refusal | undefined {
  if (!isObject(value)) return fault(field, 'must be an object')
  const { schemas, graph, xray, subgraphs, unknown } = value
  return (
    unlike(value, FIELDS, field) ??
    misshapenSchemas(schemas, `${field}/schemas`) ??
    (graph === null ? undefined : misshapenDrawing(graph, `${field}/graph`)) ??
    misshapenList(xray, `${field}/xray`, misshapenDrawing) ??
    misshapenSubgraphs(subgraphs, `${field}/subgraphs`) ??
    misshapenList(unknown, `${field}/unknown`, (pointer, at) =>
      typeof pointer === 'string' && pointer.startsWith('/')
        ? undefined
        : fault(at, 'must be a JSON pointer into the descriptor, such as /schemas/context_schema'),
    )
  )
}

function misshapenSchemas(value: JsonValue | undefined, at: string): Refusal | undefined {
  if (!isObject(value)) return fault(at, `must be an object with ${SCHEMA_NAMES.join(', ')}`)
  const wrong = SCHEMA_NAMES.find((name) => value[name] !== null && !isObject(value[name]))
  return (
    unlike(value, SCHEMA_NAMES, at) ??
    (wrong === undefined ? undefined : fault(`${at}/${wrong}`, 'must be a JSON schema as an object, or null'))
  )
}

function misshapenSubgraphs(value: JsonValue | undefined, at: string): Refusal | undefined {
  if (!isObject(value)) return fault(at, 'must be an object of schemas by namespace')
  for (const [namespace, schemas] of Object.entries(value)) {
    if (namespace.split('|').includes(''))
      return fault(at, `has the namespace ${JSON.stringify(namespace)}, which has an empty part`)
    const refusal = misshapenSchemas(schemas, `${at}/${pointed(namespace)}`)
    if (refusal) return refusal
  }
  return undefined
}

function misshapenDrawing(value: JsonValue | undefined, at: string): Refusal | undefined {
  if (!isObject(value)) return fault(at, 'must be an object with nodes and edges')
  return (
    unlike(value, ['nodes', 'edges'], at) ??
    misshapenList(value.nodes, `${at}/nodes`, (node, where) =>
      isObject(node) && isNodeId(node.id) ? undefined : fault(where, 'must be an object with an id'),
    ) ??
    misshapenList(value.edges, `${at}/edges`, (edge, where) =>
      isObject(edge) && isNodeId(edge.source) && isNodeId(edge.target)
        ? undefined
        : fault(where, 'must be an object with a source and a target'),
    )
  )
}

function misshapenList(
  value: JsonValue | undefined,
  at: string,
  misshapenOne: (one: JsonValue, at: string) => Refusal | undefined,
): Refusal | undefined {
  if (!Array.isArray(value)) return fault(at, 'must be a list')
  for (const [index, one] of value.entries()) {
    const refusal = misshapenOne(one, `${at}/${index}`)
    if (refusal) return refusal
  }
  return undefined
}

/** All of these fields and no other: what nobody reads would be part of the hash all the same. */
function unlike(value: JsonObject, fields: readonly string[], at: string): Refusal | undefined {
  const missing = fields.find((name) => !Object.hasOwn(value, name))
  if (missing !== undefined) return fault(`${at}/${missing}`, 'is required')
  const unknown = Object.keys(value).find((name) => !fields.includes(name))
  if (unknown === undefined) return undefined
  return fault(`${at}/${pointed(unknown)}`, `is no field that is known; known are ${fields.join(', ')}`)
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isNodeId = (value: JsonValue | undefined): boolean =>
  typeof value === 'string' || typeof value === 'number'

const pointed = (name: string): string => name.slice(0, 200).replaceAll('~', '~0').replaceAll('/', '~1')

const fault = (at: string, what: string): Refusal => refuse('invalid-request', `${at} ${what}`, { field: at })
