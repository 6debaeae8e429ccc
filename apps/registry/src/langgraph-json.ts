// LangGraph's own manifest. The graphs that it names are those that are deployed: a command may only name one of these, and
// each has its system assistant. Its sections `auth` and `http` are read where they are used.
import { readFileSync } from 'node:fs'
import { CONTENT_LIMITS, type JsonObject } from '@assistant-ledger/assistant'
import { Section } from './section.js'
import { BadSetting, type Settings } from './settings.js'

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

/** What may stand in an environment variable instead: then that is read, and the manifest's is not. */
const VARIABLES = { auth: 'LANGGRAPH_AUTH', http: 'LANGGRAPH_HTTP' } as const

/**
 * A section of langgraph.json, or what stands in its place; undefined where there is neither.
 * @throws BadSetting
 */
export function readSection(
  name: keyof typeof VARIABLES,
  { langgraphJson: file, langgraphJsonAsked: asked, langgraph }: SectionSettings,
): Section | undefined {
  if (langgraph[name] !== undefined) return Section.of(VARIABLES[name], name, langgraph[name])
  return Section.of(`LANGGRAPH_JSON: ${file}`, name, readManifest(file, asked)?.[name])
}

export type SectionSettings = Pick<Settings, 'langgraphJson' | 'langgraphJsonAsked' | 'langgraph'>

type Manifest = { readonly graphs?: unknown; readonly auth?: unknown; readonly http?: unknown }

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
