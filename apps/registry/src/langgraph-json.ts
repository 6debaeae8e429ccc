// The graphs that are deployed, as LangGraph's own manifest names them: a command may only name one of these, and
// each has its system assistant.
import { readFileSync } from 'node:fs'
import { CONTENT_LIMITS, type JsonObject } from '@assistant-ledger/assistant'
import { BadSetting } from './settings.js'

export interface Graph {
  readonly id: string
  /** Only the object form of the manifest has one. */
  readonly description?: string
  /** What its system assistant begins with: see `langgraph-config.ts`. */
  readonly config?: JsonObject
  readonly context?: JsonObject
}

/**
 * The graphs of langgraph.json, in both of its forms: `"id": "./file.ts:export"` and `"id": {path, description}`.
 * Undefined when there is no manifest, and then any graph is taken.
 * @param asked whether the file was named by a setting: then a missing one is a fault
 * @throws BadSetting
 */
export function readGraphs(file: string, asked: boolean): readonly Graph[] | undefined {
  const manifest = readManifest(file, asked)
  return manifest && graphsIn(manifest, file)
}

/** The auth module that the manifest names. */
export interface NamedAuth {
  /** As it stands there: `./auth.mts:auth`, relative to the manifest. */
  readonly path: string
  /** Whether LangGraph Studio is nobody in particular. */
  readonly disableStudioAuth: boolean
}

/**
 * What langgraph.json says of `auth`; undefined when it names no module.
 * @throws BadSetting
 */
export function readAuth(file: string, asked: boolean): NamedAuth | undefined {
  const manifest = readManifest(file, asked)
  const auth = manifest?.auth
  if (auth === undefined || auth === null) return undefined
  if (typeof auth !== 'object' || Array.isArray(auth))
    throw new BadSetting(`LANGGRAPH_JSON: ${file}: "auth" is no object`)
  const { path, disable_studio_auth } = auth as { path?: unknown; disable_studio_auth?: unknown }
  // Passed over, a mistyped path would open what it was to close.
  if (path !== undefined && path !== null && typeof path !== 'string')
    throw new BadSetting(`LANGGRAPH_JSON: ${file}: "auth.path" is no text`)
  if (disable_studio_auth !== undefined && typeof disable_studio_auth !== 'boolean')
    throw new BadSetting(`LANGGRAPH_JSON: ${file}: "auth.disable_studio_auth" is neither true nor false`)
  return path ? { path, disableStudioAuth: disable_studio_auth === true } : undefined
}

type Manifest = { readonly graphs?: unknown; readonly auth?: unknown }

function readManifest(file: string, asked: boolean): Manifest | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (!asked && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new BadSetting(`LANGGRAPH_JSON: ${file} cannot be read (${(error as Error).message})`)
  }
  try {
    return (JSON.parse(text) ?? {}) as Manifest
  } catch {
    throw new BadSetting(`LANGGRAPH_JSON: ${file} is not JSON`)
  }
}

function graphsIn({ graphs }: Manifest, file: string): readonly Graph[] {
  if (typeof graphs !== 'object' || graphs === null || Array.isArray(graphs))
    throw new BadSetting(`LANGGRAPH_JSON: ${file} has no object "graphs"`)
  return Object.entries(graphs).map(([id, entry]) => graphOf(id, entry, file))
}

function graphOf(id: string, entry: unknown, file: string): Graph {
  if (id === '' || id.length > CONTENT_LIMITS.graphId || !id.isWellFormed())
    throw new BadSetting(`LANGGRAPH_JSON: ${file} has a graph id of ${id.length} characters or bad text`)
  if (typeof entry === 'string') return { id }
  const { path, description } = (entry ?? {}) as { path?: unknown; description?: unknown }
  if (typeof path !== 'string')
    throw new BadSetting(
      `LANGGRAPH_JSON: ${file}: graph ${JSON.stringify(id)} has neither a path nor {"path"}`,
    )
  return typeof description === 'string' ? { id, description } : { id }
}
