// What a message of the bucket says: a configuration, a tombstone, a watermark, or nothing that can be used.
// Reading never throws; the bytes come from outside.
import { contentHash } from './canonical.js'
import { type Checkpoint, readCheckpoint } from './checkpoint.js'
import { decodeToken } from './names.js'

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [key: string]: JsonValue
}

/** What a version holds. */
export interface Content {
  readonly graph_id: string
  readonly name: string
  readonly description: string | null
  readonly config: JsonObject
  readonly context: JsonObject
  readonly metadata: JsonObject
}

/** Who promoted, as the service recorded it. */
export interface Actor {
  readonly id: string
  readonly verified: boolean
  readonly via?: string
}

interface Envelope {
  readonly logId: string
  readonly epoch: number
  readonly position: bigint
  readonly assistantId: string
  readonly revision: number
}

export interface Configuration extends Envelope {
  readonly type: 'live'
  readonly generation: number
  readonly version: number
  readonly content: Content
  readonly contentHash: string
  readonly promotedAt: string | undefined
  readonly promotedBy: Actor | undefined
}

export interface Tombstone extends Envelope {
  readonly type: 'deleted' | 'moved'
  /** The graph that a moved assistant is in now. */
  readonly to: string | undefined
}

export type Value = Configuration | Tombstone

/** A value that cannot be used; its order, when that much can be read, still counts in the digest. */
export interface Unusable {
  readonly type: 'unusable'
  readonly reason: string
  readonly logId: string | undefined
  readonly epoch: number | undefined
  readonly revision: number | undefined
}

export interface Watermark {
  readonly logId: string
  readonly epoch: number
  readonly position: bigint
  readonly count: number
  readonly digest: string
  /** The log's newest signed one; undefined when it has none, or none that can be read. */
  readonly checkpoint: Checkpoint | undefined
}

const FORMAT = 1
/** The service records less; what is deeper was made by somebody else. */
const MOST_DEEP = 100

/** @param key the key that the value was found under; a value that says to be another's is not used */
export function readValue(key: string, bytes: Uint8Array): Value | Unusable {
  const raw = readJson(bytes)
  if (!isObject(raw)) return unusable('it is not a JSON object', {})
  const bad = (reason: string): Unusable => unusable(reason, raw)
  if (raw.v !== FORMAT) return bad(`its format is v ${JSON.stringify(raw.v)}, this client reads v ${FORMAT}`)
  const { log_id: logId, epoch, revision, assistant_id: assistantId } = raw
  const position = readPosition(raw.position)
  if (!isText(logId) || !isCount(epoch) || !isRevision(revision) || position === undefined) {
    return bad('log_id, epoch, position or revision is missing')
  }
  const [environmentToken = '', graphToken = '', id] = key.split('.')
  if (!isText(assistantId) || assistantId !== id || raw.environment !== decodeToken(environmentToken)) {
    return bad('it names another key than the one that it is under')
  }
  const envelope = { logId, epoch, revision, position, assistantId }
  if (raw.state === 'deleted' || raw.state === 'moved') {
    return { type: raw.state, ...envelope, to: isText(raw.to) ? raw.to : undefined }
  }
  if (raw.state !== undefined && raw.state !== 'live')
    return bad(`its state ${JSON.stringify(raw.state)} is unknown`)
  const { content, contentHash: hash, generation, version } = raw
  if (!isCount(generation) || !isCount(version) || !isContent(content) || !isText(hash)) {
    return bad('content, contentHash, generation or version is missing, or the content is too deep')
  }
  if (content.graph_id !== decodeToken(graphToken)) return bad(`its content is of graph ${content.graph_id}`)
  const actual = contentHash(content)
  if (actual !== hash) return bad(`checksum: the content has the hash ${actual}, the value says ${hash}`)
  return {
    type: 'live',
    ...envelope,
    generation,
    version,
    content,
    contentHash: hash,
    promotedAt: isText(raw.promotedAt) ? raw.promotedAt : undefined,
    promotedBy: isObject(raw.promotedBy) ? (raw.promotedBy as unknown as Actor) : undefined,
  }
}

export function readWatermark(bytes: Uint8Array): Watermark | undefined {
  const raw = readJson(bytes)
  if (!isObject(raw)) return undefined
  const { log_id: logId, epoch, count, digest } = raw
  const position = readPosition(raw.position)
  if (!isText(logId) || !isCount(epoch) || !isCount(count) || !isText(digest)) return undefined
  if (position === undefined) return undefined
  return { logId, epoch, position, count, digest, checkpoint: readCheckpoint(raw.checkpoint) }
}

export function readJson(bytes: Uint8Array): JsonValue | undefined {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
}

export function isContent(value: JsonValue | undefined): value is JsonObject & Content {
  if (!isObject(value)) return false
  const { graph_id, name, description, config, context, metadata } = value
  return (
    isText(graph_id) &&
    typeof name === 'string' &&
    (description === null || typeof description === 'string') &&
    isObject(config) &&
    isObject(context) &&
    isObject(metadata) &&
    isAtMost(MOST_DEEP, value)
  )
}

/** Without recursion, which what is too deep would end: hashing it, and writing it to the disk, are recursive. */
function isAtMost(deep: number, value: JsonValue): boolean {
  let level: JsonValue[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deep) return false
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []))
  }
  return true
}

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isText = (value: JsonValue | undefined): value is string => typeof value === 'string' && value !== ''

const isCount = (value: JsonValue | undefined): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

/** Stream revisions start at 0; -1 is the tombstone of a key that the log does not know. */
const isRevision = (value: JsonValue | undefined): value is number => value === -1 || isCount(value)

const POSITION = /^\d{1,20}$/

const readPosition = (value: JsonValue | undefined): bigint | undefined =>
  typeof value === 'string' && POSITION.test(value) ? BigInt(value) : undefined

function unusable(reason: string, raw: JsonObject): Unusable {
  const { log_id: logId, epoch, revision } = raw
  return {
    type: 'unusable',
    reason,
    logId: isText(logId) ? logId : undefined,
    epoch: isCount(epoch) ? epoch : undefined,
    revision: isRevision(revision) ? revision : undefined,
  }
}
