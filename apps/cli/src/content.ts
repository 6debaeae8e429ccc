// The content of an assistant as people write it: YAML or JSON, only what is said, the context once. And back again.
import { isDeepStrictEqual } from 'node:util'
import type { JsonObject, JsonValue } from '@assistant-ledger/assistant'
import { Failure, oneLine, usage } from './failure.js'
import type { Patch } from './service/assistants.js'
import { CONTENT_FIELDS, type Content } from './service/shapes.js'

/** What was written; what is not said stays as it is. */
export type Written = Partial<Content>

/** Lines are never folded: a prompt is one text, and a difference shows what was changed. */
const YAML_STYLE = { lineWidth: 0, blockQuote: 'literal', defaultStringType: 'PLAIN' } as const

/** As it is edited: without what is empty, and without the copy of the context in `config.configurable`. */
export function writtenOf(content: Content): Written {
  const { graph_id, name, description, context, metadata } = content
  const config = withoutMirror(content.config, content.context)
  return {
    graph_id,
    name,
    ...(description ? { description } : {}),
    ...(isEmpty(context) ? {} : { context }),
    ...(isEmpty(config) ? {} : { config }),
    ...(isEmpty(metadata) ? {} : { metadata }),
  }
}

/** Long texts as blocks, as one would write them. */
export async function toYaml(value: unknown): Promise<string> {
  const { stringify } = await import('yaml')
  return stringify(value, YAML_STYLE)
}

/**
 * Reads YAML, of which JSON is a part.
 * @param where names it in a message
 * @throws Failure with line and column
 */
export async function parseDocument(text: string, where: string): Promise<unknown> {
  const [document, more] = await parseDocuments(text, where)
  if (more !== undefined) throw usage(`${where} has several documents; one is wanted`)
  return document
}

/** All documents of a YAML text, without those that are empty. @throws Failure */
export async function parseDocuments(text: string, where: string): Promise<unknown[]> {
  const { parseAllDocuments } = await import('yaml')
  const read: unknown[] = []
  for (const document of documentsIn()) {
    const [error] = document.errors
    // Its first line says what and where; the rest draws it.
    if (error)
      throw usage(
        `${where} cannot be read: ${oneLine(error.message.split('\n', 1)[0] ?? '').replace(/:$/, '')}`,
      )
    const value = jsonOf(() => document.toJS({ maxAliasCount: ALIASES }), where)
    if (value !== null) read.push(value)
  }
  return read

  function documentsIn() {
    try {
      const documents = parseAllDocuments(text)
      return Array.isArray(documents) ? documents : []
    } catch (error) {
      // So deep that whoever reads it has no room left.
      throw usage(`${where} cannot be read: ${oneLine((error as Error).message)}`)
    }
  }
}

/** What an answer of the service has beside its content: left aside, so that what was shown can be given back. */
const NOT_CONTENT: ReadonlySet<string> = new Set([
  'assistant_id',
  'version',
  'generation',
  'content_hash',
  'created_at',
  'updated_at',
])

/** Places that say `the same as there`; more would be an attempt to fill the memory. */
const ALIASES = 100

/** As the service will have it: what YAML can say and JSON cannot is refused. */
function jsonOf(read: () => unknown, where: string): JsonValue {
  try {
    const text = JSON.stringify(read(), (_, value: unknown) => {
      if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value)))
        throw usage(`${where} has ${value}, which is no JSON`)
      return value
    })
    return text === undefined ? null : JSON.parse(text)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw usage(`${where} cannot be read: ${oneLine((error as Error).message.split('\n', 1)[0] ?? '')}`)
  }
}

/** Checks the fields of a content. @throws Failure that names the field */
export function checkWritten(value: unknown, where: string): Written {
  if (!isObject(value)) throw usage(`${where} must have fields such as name and context`)
  const written: Record<string, JsonValue> = {}
  for (const [field, given] of Object.entries(value)) {
    if (NOT_CONTENT.has(field)) continue
    const example = Object.hasOwn(EXAMPLE, field) ? EXAMPLE[field] : undefined
    if (example === undefined)
      throw usage(`${where} has ${field}, which is none of ${CONTENT_FIELDS.join(', ')}`)
    if (given !== null && isObject(example) !== isObject(given))
      throw usage(`${where}: ${field} must ${isObject(example) ? 'have fields' : 'be text'}`)
    if (given !== null && !isObject(example) && typeof given !== 'string')
      throw usage(`${where}: ${field} must be text; write it in quotes`)
    written[field] = given ?? example
  }
  return written as Written
}

const EXAMPLE: Readonly<Record<string, JsonValue>> = {
  graph_id: '',
  name: '',
  description: '',
  config: {},
  context: {},
  metadata: {},
}

/**
 * What there would be after it: config and context are replaced whole, metadata is merged, and `config.configurable` and
 * the context are one thing.
 * @throws Failure when both are written and differ
 */
export function applied(before: Content, written: Written): Content {
  const { config, context } = replaced(before, written)
  return {
    graph_id: written.graph_id ?? before.graph_id,
    name: written.name ?? before.name,
    description: 'description' in written ? written.description || null : before.description || null,
    config,
    context,
    metadata: { ...before.metadata, ...written.metadata },
  }
}

function replaced(before: Content, written: Written): Pick<Content, 'config' | 'context'> {
  const was = saidOnce(before)
  if (written.config === undefined && written.context === undefined) return was
  const { configurable, ...config } = written.config ?? was.config
  if (written.config === undefined) return { config, context: written.context ?? was.context }
  const context = written.context ?? (isObject(configurable) ? configurable : was.context)
  if (!isObject(configurable) || isEmpty(configurable) || isDeepStrictEqual(configurable, context))
    return { config, context }
  // What was given back as it is shown has both, and one of them was changed.
  const isOld = {
    configurable: isDeepStrictEqual(configurable, before.config.configurable),
    context: isDeepStrictEqual(context, before.context),
  }
  if (isOld.configurable && isOld.context) return saidOnce({ config: written.config, context })
  if (isOld.context) return { config, context: configurable }
  if (isOld.configurable) return { config, context }
  throw usage(
    'config.configurable and context are one thing, and differ; write the context alone, without config.configurable',
  )
}

/** What has to be sent so that `wanted` follows `before`; undefined: nothing would change. */
export function patchBetween(before: Content, wanted: Content): Patch | undefined {
  const { graph_id, name, description } = wanted
  const { config, context } = saidOnce(before)
  // One of the two replaces the other as well, so both are sent.
  const isSame = isDeepStrictEqual(config, wanted.config) && isDeepStrictEqual(context, wanted.context)
  const metadata = Object.fromEntries(
    Object.entries(wanted.metadata).filter(([key, value]) => !isDeepStrictEqual(before.metadata[key], value)),
  )
  const patch: Patch = {
    ...(graph_id === before.graph_id ? {} : { graph_id }),
    ...(name === before.name ? {} : { name }),
    // An absent description keeps the one there is; empty text is none.
    ...((description || null) === (before.description || null) ? {} : { description: description ?? '' }),
    ...(isSame ? {} : { config: wanted.config, context: wanted.context }),
    ...(isEmpty(metadata) ? {} : { metadata }),
  }
  return isEmpty(patch) ? undefined : patch
}

/** What `config.configurable` and the context say, as the context: one that was imported may have the former alone. */
export function saidOnce<Part extends Pick<Written, 'config' | 'context'>>(content: Part): Part {
  const { config = {}, context = {} } = content
  const { configurable, ...rest } = config
  if (isObject(configurable) && !isEmpty(configurable) && isEmpty(context))
    return { ...content, config: rest, context: configurable }
  return content.config === undefined ? content : { ...content, config: withoutMirror(config, context) }
}

function withoutMirror(config: JsonObject, context: JsonObject): JsonObject {
  const { configurable, ...rest } = config
  return configurable === undefined || isDeepStrictEqual(configurable, context) || isEmpty(configurable)
    ? rest
    : config
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0
