// What langgraph.json says of how the API is served (`http`, or LANGGRAPH_HTTP in its place), and of what its OpenAPI
// document says beside (`auth.openapi`).
import { readSection, type SectionSettings } from '../langgraph-json.js'
import { warn } from '../lines.js'
import type { Section } from '../section.js'
import { prefixOf } from '../settings.js'
import { type Cors, readCors } from './cors.js'
import { readSecurity, type Security } from './security.js'

export interface Served {
  /** Undefined: every web page may do everything. */
  readonly cors: Cors | undefined
  /** What paths may begin with beside: `/api`; empty when nothing. */
  readonly prefix: string
  readonly security: Security | undefined
}

/** As it is served where nothing is said. */
export const AS_IT_IS: Served = { cors: undefined, prefix: '', security: undefined }

const OF_THIS = new Set(['cors', 'mount_prefix'])

/** What changes nothing here, since what it is about is not here: runs' configs, the log of requests, other routes. */
const HARMLESS = new Set([
  'configurable_headers',
  'logging_headers',
  ...['threads', 'runs', 'store', 'mcp', 'a2a', 'ui', 'webhooks'].map((route) => `disable_${route}`),
])

/** @throws BadSetting one line */
export function readServed(settings: SectionSettings & { readonly mountPrefix: string | undefined }): Served {
  const http = readSection('http', settings)
  if (http) tellOfTheRest(http)
  const cors = http?.section('cors')
  const openapi = readSection('auth', settings)?.section('openapi')
  return {
    cors: cors && readCors(cors),
    prefix: settings.mountPrefix ?? (http ? prefixIn(http) : ''),
    security: openapi && readSecurity(openapi),
  }
}

function prefixIn(http: Section): string {
  const text = http.text('mount_prefix') ?? ''
  const prefix = prefixOf(text)
  if (prefix === undefined)
    throw http.fault('mount_prefix', `is ${JSON.stringify(text)}, but has to be like "/api"`)
  return prefix
}

/** The file is often one with that of the server that runs the graphs, where these do something. */
function tellOfTheRest(http: Section): void {
  const idle = http.names.filter(
    (name) => !OF_THIS.has(name) && !HARMLESS.has(name) && http.value(name) !== false,
  )
  if (idle.length > 0)
    warn(`${http.source}: ${idle.map((name) => `"http.${name}"`).join(', ')} changes nothing here`)
}
