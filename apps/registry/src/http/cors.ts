// What a web page of another origin may do: everything, as with LangGraph's own servers, whose Studio is such a page, unless
// langgraph.json says otherwise (`http.cors`). Wherever it may read answers, it reads their headers too.
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { warn } from '../lines.js'
import type { Section } from '../section.js'

/** `http.cors`, read. */
export interface Cors {
  /** Origins as browsers send them; `*`: any. */
  readonly origins: readonly string[]
  /** Others too: the whole origin has to match. */
  readonly pattern: RegExp | undefined
  /** Undefined: all that there are. */
  readonly methods: readonly string[] | undefined
  /** Undefined: whatever a page asks for. */
  readonly headers: readonly string[] | undefined
  readonly credentials: boolean
  readonly exposed: readonly string[]
  readonly maxAge_s: number
}

type Options = NonNullable<Parameters<NestFastifyApplication['enableCors']>[0]>

const METHODS = ['GET', 'POST', 'PATCH', 'DELETE', 'OPTIONS']
const MAX_AGE_S = 600

/** What clients in a browser cannot do without, whatever else is exposed. */
const EXPOSED = [
  'Content-Location',
  'ETag',
  'Ledger-Descriptor',
  'Ledger-Pending',
  'Ledger-Position',
  'Ledger-Revision',
  'Ledger-Unknown',
  'Retry-After',
  'X-Pagination-Next',
  'X-Pagination-Total',
  'X-Request-Id',
]

const ANY: Cors = {
  origins: ['*'],
  pattern: undefined,
  methods: undefined,
  headers: undefined,
  credentials: false,
  exposed: [],
  maxAge_s: MAX_AGE_S,
}

const ORIGIN = /^(\*|null|[a-z][a-z\d+.-]*:\/\/[^/?#\s]+)$/i
const TOKEN = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/

/**
 * No origin is allowed unless it is named; what is said of neither methods nor headers is allowed to those that are.
 * @throws BadSetting one line
 */
export function readCors(cors: Section): Cors {
  const origins = cors.texts('allow_origins', ORIGIN, 'origin such as "https://app.example.com"') ?? []
  const credentials = cors.flag('allow_credentials') ?? false
  if (credentials && origins.includes('*'))
    warn(
      `${cors.source}: http.cors lets every web page send its visitor's cookies; name the origins to change that`,
    )
  return {
    origins: origins.map((origin) => origin.toLowerCase()),
    pattern: patternIn(cors),
    methods: unlessAny(cors.texts('allow_methods', TOKEN, 'method')),
    headers: unlessAny(cors.texts('allow_headers', TOKEN, 'name of a header')),
    credentials,
    exposed: cors.texts('expose_headers', TOKEN, 'name of a header') ?? [],
    maxAge_s: cors.number('max_age', 0) ?? MAX_AGE_S,
  }
}

/** For Fastify's CORS plugin. */
export function corsOptions(cors: Cors = ANY): Options {
  const { origins, pattern, methods, headers, credentials, exposed, maxAge_s } = cors
  const any = origins.includes('*')
  return {
    // A browser takes `*` for no answer to a request with credentials.
    origin: any ? (credentials ? true : '*') : [...origins, ...(pattern ? [pattern] : [])],
    methods: [...(methods ?? METHODS)],
    ...(headers ? { allowedHeaders: [...headers] } : {}),
    credentials,
    exposedHeaders: [...new Map([...EXPOSED, ...exposed].map((name) => [name.toLowerCase(), name])).values()],
    maxAge: maxAge_s,
    // An OPTIONS that is no question of a browser is answered like one; refused, it would not be as everything else is.
    strictPreflight: false,
  }
}

function patternIn(cors: Section): RegExp | undefined {
  const text = cors.text('allow_origin_regex')
  if (!text) return undefined
  try {
    // Whole, as on the platform: a part of an origin is anybody's to have in theirs.
    return new RegExp(`^(?:${text})$`)
  } catch {
    throw cors.fault('allow_origin_regex', `is ${JSON.stringify(text)}, which is no regular expression`)
  }
}

const unlessAny = (names: readonly string[] | undefined): readonly string[] | undefined =>
  names?.includes('*') ? undefined : names
