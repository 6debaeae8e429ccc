// What an import from a LangGraph server sends of one assistant.
import type { Content, GivenLife, GivenVersion, JsonObject } from '@assistant-ledger/assistant'
import { invalid } from '../envelope.js'
import { idOf } from '../fields.js'

type Body = Readonly<Record<string, unknown>>

const MOST_VERSIONS = 10_000
const MOST_URL = 2_000

/** @throws RefusalError `invalid-request` naming the field */
export function readLife({ assistant_id, from, versions, live }: Body): GivenLife {
  if (typeof from !== 'string' || from.length > MOST_URL || !URL.canParse(from))
    throw invalid('from must be a URL', 'from')
  if (!Array.isArray(versions) || versions.length > MOST_VERSIONS)
    throw invalid(`versions must be a list of at most ${MOST_VERSIONS}`, 'versions')
  return {
    assistantId: idOf(text(assistant_id, 'assistant_id')),
    from,
    versions: versions.map((given, index) =>
      versionOf(objectIn(given, `versions/${index}`), `versions/${index}`),
    ),
    ...(live === undefined || live === null ? {} : { live: liveOf(objectIn(live, 'live')) }),
  }
}

const liveOf = ({ version, updated_at }: Body) => ({
  version: number(version, 'live/version'),
  updatedAt: time(updated_at, 'live/updated_at'),
})

function versionOf(given: Body, at: string): GivenVersion {
  const { version, created_at, graph_id, name, description, config, context, metadata } = given
  const content: Content = {
    graph_id: text(graph_id, `${at}/graph_id`),
    name: text(name ?? 'Untitled', `${at}/name`),
    description:
      description === undefined || description === null ? null : text(description, `${at}/description`),
    config: objectIn(config ?? {}, `${at}/config`) as JsonObject,
    context: objectIn(context ?? {}, `${at}/context`) as JsonObject,
    metadata: objectIn(metadata ?? {}, `${at}/metadata`) as JsonObject,
  }
  return {
    version: number(version, `${at}/version`),
    content,
    createdAt: time(created_at, `${at}/created_at`),
  }
}

function text(value: unknown, at: string): string {
  if (typeof value !== 'string') throw invalid(`${at} must be a text`, at)
  return value
}

function number(value: unknown, at: string): number {
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number
  throw invalid(`${at} must be a whole number from 1`, at)
}

function objectIn(value: unknown, at: string): Body {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Body
  throw invalid(`${at} must be an object`, at)
}

/** A time in the form of our own, to the microsecond where it is said. */
function time(value: unknown, at: string): string {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  if (Number.isNaN(ms)) throw invalid(`${at} must be a time`, at)
  const [, fraction = ''] = /\.(\d+)/.exec(value as string) ?? []
  return `${new Date(ms).toISOString().slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, '0')}+00:00`
}
