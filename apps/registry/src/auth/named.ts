// What langgraph.json says of `auth` (or LANGGRAPH_AUTH in its place): the module, and how it is asked.
import { readSection, type SectionSettings } from '../langgraph-json.js'
import { warn } from '../lines.js'
import type { Section } from '../section.js'
import { AUTH_LIMITS } from './limits.js'

export interface NamedAuth {
  /** As it stands there: `./auth.mts:auth`, relative to the manifest. */
  readonly path: string
  /** Whether LangGraph Studio is nobody in particular. */
  readonly disableStudioAuth: boolean
  readonly cache: AuthCache | undefined
}

/** For how long, and by which headers, what `authenticate()` returned is used again. */
export interface AuthCache {
  /** Lower case, one or more. */
  readonly headers: readonly string[]
  readonly ttl_ms: number
  /** Answers that are kept. */
  readonly size: number
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/

/**
 * Undefined when no module is named.
 * @throws BadSetting
 */
export function readAuth(settings: SectionSettings): NamedAuth | undefined {
  const auth = readSection('auth', settings)
  if (!auth) return undefined
  // Passed over, a mistyped path would open what it was to close.
  const path = auth.text('path')
  const disableStudioAuth = auth.flag('disable_studio_auth') === true
  const cache = cacheIn(auth)
  if (auth.flag('allow_langsmith_api_keys'))
    warn(
      `${auth.source}: "auth.allow_langsmith_api_keys" does nothing here: the keys of LangSmith cannot be checked; API_KEYS_FILE has those that are let in`,
    )
  return path ? { path, disableStudioAuth, cache } : undefined
}

function cacheIn(auth: Section): AuthCache | undefined {
  const cache = auth.section('cache')
  if (!cache) return undefined
  const headers = cache.texts('cache_keys', HEADER_NAME, 'name of a header')
  // Told apart by nothing, one user would be every other.
  if (!headers || headers.length === 0) throw cache.fault('cache_keys', 'names no header')
  const { cacheTtl_s, cacheSize, cacheMost } = AUTH_LIMITS
  const size = cache.number('max_size', 1) ?? cacheSize
  return {
    headers: headers.map((header) => header.toLowerCase()),
    ttl_ms: (cache.number('ttl_seconds', 1) ?? cacheTtl_s) * 1000,
    size: Math.min(size, cacheMost),
  }
}
