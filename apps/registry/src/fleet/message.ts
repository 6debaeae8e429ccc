// What runners send, read and checked: the bytes come from outside, and what does not fit is passed over.
import type { ReportStatus } from '@assistant-ledger/assistant'
import { FLEET_LIMITS } from './limits.js'
import { shortenedTo } from './shortened.js'

/** A runner's report on one assistant, as it was sent. */
export interface AckMessage {
  readonly runner: string
  readonly instance: string
  readonly environment: string
  readonly assistantId: string
  readonly logId: string
  readonly revision: number
  readonly status: ReportStatus
  readonly generation?: number
  readonly version?: number
  readonly hash?: string
  readonly reason?: string
}

/** A runner's word that it is there. */
export interface PresenceMessage {
  readonly runner: string
  readonly instance: string
  readonly build?: string
  readonly environment: string
  readonly graphs: readonly string[]
  readonly assistants?: readonly string[]
  readonly state: string
  readonly ageMs: number
  readonly count: number
  readonly digest: string
  /** What it runs of each graph: the hash of the descriptor, by graph. */
  readonly descriptors?: ReadonlyMap<string, string>
}

const INSTANCE = /^[0-9a-f-]{36}$/
const HASH = /^[0-9a-f]{64}$/
const STATUSES: ReadonlySet<unknown> = new Set<ReportStatus>(['active', 'rejected', 'removed'])

/** @param at what the subject says of whom it is from and about: the broker vouches for that */
export function readAck(
  text: string,
  at: { readonly runner: string; readonly assistantId: string },
): AckMessage | undefined {
  const body = parse(text)
  if (!body) return undefined
  const { runner, instance, environment, assistant_id, log_id, revision, status, reason } = body
  if (runner !== at.runner || assistant_id !== at.assistantId || !isName(runner)) return undefined
  if (!isInstance(instance) || !isName(environment) || !isName(log_id)) return undefined
  // -1 is the revision of what a log does not know.
  if (!(isCount(revision) || revision === -1) || !STATUSES.has(status)) return undefined
  const { generation, version, hash } = body
  const named =
    isCount(generation) && isCount(version) && typeof hash === 'string' && HASH.test(hash)
      ? { generation, version, hash }
      : {}
  if (status === 'active' && !('hash' in named)) return undefined
  return {
    runner,
    instance,
    environment,
    assistantId: at.assistantId,
    logId: log_id,
    revision,
    status: status as ReportStatus,
    ...named,
    ...(status === 'rejected' && isText(reason) ? { reason: shortenedTo(FLEET_LIMITS.reason, reason) } : {}),
  }
}

/** @param runner whom the subject names */
export function readPresence(text: string, runner: string): PresenceMessage | undefined {
  const body = parse(text)
  if (!body || body.name !== runner || !isName(runner)) return undefined
  const { instance, build, environment, graphs, assistants, state, age_ms, count, digest } = body
  const descriptors = descriptorsIn(body.descriptors)
  if (!isInstance(instance) || !isName(environment) || !isName(state)) return undefined
  if (!isNames(graphs, FLEET_LIMITS.graphs)) return undefined
  const named = isNames(assistants, FLEET_LIMITS.assistants)
  if (assistants !== undefined && !named) return undefined
  return {
    runner,
    instance,
    environment,
    graphs,
    state,
    ageMs: typeof age_ms === 'number' && age_ms >= 0 ? age_ms : 0,
    count: isCount(count) ? count : 0,
    digest: typeof digest === 'string' && HASH.test(digest) ? digest : '',
    ...(isName(build) ? { build } : {}),
    ...(named ? { assistants } : {}),
    ...(descriptors ? { descriptors } : {}),
  }
}

/** A field of its own account: whoever says it wrong is there all the same. */
function descriptorsIn(sent: unknown): ReadonlyMap<string, string> | undefined {
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) return undefined
  const named = Object.entries(sent)
  const fit = ([graph, hash]: [string, unknown]) =>
    isName(graph) && typeof hash === 'string' && HASH.test(hash)
  return named.length <= FLEET_LIMITS.graphs && named.every(fit) ? new Map(named) : undefined
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(text)
    const fits = typeof body === 'object' && body !== null && (body as { v?: unknown }).v === 1
    return fits ? (body as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.isWellFormed()
const isName = (value: unknown): value is string => isText(value) && value.length <= FLEET_LIMITS.name
const isInstance = (value: unknown): value is string => typeof value === 'string' && INSTANCE.test(value)
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isNames = (value: unknown, most: number): value is string[] =>
  Array.isArray(value) && value.length <= most && value.every(isName)
