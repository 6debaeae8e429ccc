// Which part of a content which schema of a graph is about.
import { type Content, canonical, type GraphDescriptor, type JsonObject } from '@assistant-ledger/assistant'

export interface Part {
  readonly schema: 'context_schema' | 'config_schema'
  /** Where the value stands in the content. */
  readonly pointer: string
  valueIn(content: Content): JsonObject
}

const CONTEXT: Part = { schema: 'context_schema', pointer: '/context', valueIn: ({ context }) => context }
const CONFIGURABLE: Part = {
  schema: 'config_schema',
  pointer: '/config/configurable',
  valueIn: ({ config }) => (config.configurable ?? {}) as JsonObject,
}

export const PARTS: readonly Part[] = [CONTEXT, CONFIGURABLE]

/** The schema of a part; undefined when the graph declares none, or it is not known, or another part's says the same. */
export function schemaOf(part: Part, descriptor: GraphDescriptor): JsonObject | undefined {
  const schema = descriptor.schemas[part.schema]
  if (!schema || isUnknown(`/schemas/${part.schema}`, descriptor)) return undefined
  return part === CONFIGURABLE && saysTheSame(descriptor) ? undefined : schema
}

const isUnknown = (pointer: string, { unknown }: GraphDescriptor): boolean =>
  unknown.some((part) => part === '' || pointer === part || pointer.startsWith(`${part}/`))

const SAME = new WeakMap<GraphDescriptor, boolean>()

/** JavaScript's graphs have one schema under both names, and the two values mirror each other: told once is enough. */
function saysTheSame(descriptor: GraphDescriptor): boolean {
  const known = SAME.get(descriptor)
  if (known !== undefined) return known
  const { context_schema, config_schema } = descriptor.schemas
  const contextKnown = context_schema !== null && !isUnknown('/schemas/context_schema', descriptor)
  const same = contextKnown && canonical(context_schema) === canonical(config_schema)
  SAME.set(descriptor, same)
  return same
}
