// What of an existing LangGraph set-up works here as it is: its langgraph.json, part by part.
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isObject } from '../content.js'
import { Failure } from '../failure.js'
import { readText } from '../text-file.js'
import { type Finding, finding } from './finding.js'

export interface Manifest {
  readonly path: string
  /** The graphs that it names. */
  readonly graphs: readonly ManifestGraph[]
}

export interface ManifestGraph {
  readonly id: string
  readonly isPython: boolean
}

/** Parts that stay with whatever runs the graphs. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  http: 'routes and custom apps stay with what runs your graphs',
  store: 'the store stays with what runs your graphs',
  checkpointer: 'threads and checkpoints stay with what runs your graphs',
  webhooks: 'webhooks of runs stay with what runs your graphs',
  ui: 'generative UI stays with what runs your graphs',
  env: 'for what runs your graphs; the service has its own settings',
}

export async function checkManifest(
  path: string,
): Promise<{ readonly manifest?: Manifest; readonly findings: readonly Finding[] }> {
  let read: unknown
  try {
    read = JSON.parse(await readText(path))
  } catch (error) {
    const why = error instanceof Failure ? error.message : `${path} is not JSON: ${(error as Error).message}`
    return { findings: [finding('wrong', 'langgraph.json', why)] }
  }
  if (!isObject(read) || !isObject(read.graphs))
    return { findings: [finding('wrong', 'langgraph.json', `${path} has no object "graphs"`)] }
  const { graphs } = read
  const entries = Object.entries(graphs).map(([id, entry]) => graphOf(id, entry, path))
  return {
    manifest: { path, graphs: entries.flatMap(({ graph }) => graph ?? []) },
    findings: [
      finding('ok', 'langgraph.json', `${path} is read as it is: LANGGRAPH_JSON names it to the service`),
      ...entries.map((entry) => entry.found),
      ...authOf(read.auth),
      ...corsOf(read.http),
      ...Object.entries(ELSEWHERE).flatMap(([part, why]) =>
        isSaid(part === 'http' ? withoutCors(read.http) : read[part])
          ? [finding('elsewhere', part, why)]
          : [],
      ),
    ],
  }
}

const corsOf = (http: unknown): Finding[] =>
  isObject(http) && isSaid(http.cors)
    ? [finding('ok', 'http.cors', 'which pages may ask: read as it is, see docs/migration.md')]
    : []

/** What else there is of `http`; undefined when that is nothing. */
function withoutCors(http: unknown): unknown {
  if (!isObject(http)) return http
  return Object.entries(http).some(([part, value]) => part !== 'cors' && isSaid(value)) ? http : undefined
}

const isSaid = (value: unknown) => value !== undefined && value !== null && value !== ''

function graphOf(id: string, entry: unknown, manifest: string): { found: Finding; graph?: ManifestGraph } {
  const what = `graph ${id}`
  const path = typeof entry === 'string' ? entry : isObject(entry) ? entry.path : undefined
  if (typeof path !== 'string')
    return {
      found: finding('wrong', what, 'it has neither a path nor {"path"}; the service does not start with it'),
    }
  const source = path.replace(/:[^:/\\]*$/, '')
  const graph = { id, isPython: source.endsWith('.py') }
  const isFile = /^\.{0,2}\//.test(source) || /\.(py|[cm]?[jt]sx?)$/.test(source)
  if (isFile && !existsSync(resolve(dirname(manifest), source)))
    return {
      found: finding('wrong', what, `${source} is not there; its assistants work, its runner will not`),
      graph,
    }
  return { found: finding('ok', what, `its assistants work as they are (${path})`), graph }
}

const TOKENS = `# instead of the auth module: JWTs of your issuer, or keys in a file
AUTH=tokens
AUTH_ISSUER=https://…
AUTH_AUDIENCE=…
AUTH_JWKS_URL=https://…/.well-known/jwks.json`

function authOf(auth: unknown): Finding[] {
  if (!isObject(auth) || typeof auth.path !== 'string' || auth.path === '') return []
  if (/\.py(:|$)/.test(auth.path))
    return [
      finding(
        'wrong',
        'auth',
        `${auth.path} is Python, which the service does not run: write it with @langchain/langgraph-sdk/auth, or use tokens`,
        TOKENS,
      ),
    ]
  return [finding('ok', 'auth', `${auth.path} runs as it is`)]
}
