// The graphs that are deployed, as LangGraph's own manifest names them: a command may only name one of these, and
// each has its system assistant.
import { readFileSync } from 'node:fs'
import { CONTENT_LIMITS } from '@assistant-ledger/assistant'
import { BadSetting } from './settings.js'

export interface Graph {
  readonly id: string
  /** Only the object form of the manifest has one. */
  readonly description?: string
}

/**
 * The graphs of langgraph.json, in both of its forms: `"id": "./file.ts:export"` and `"id": {path, description}`.
 * Undefined when there is no manifest, and then any graph is taken.
 * @param asked whether the file was named by a setting: then a missing one is a fault
 * @throws BadSetting
 */
export function readGraphs(file: string, asked: boolean): readonly Graph[] | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (!asked && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new BadSetting(`LANGGRAPH_JSON: ${file} cannot be read (${(error as Error).message})`)
  }
  return parseGraphs(text, file)
}

function parseGraphs(text: string, file: string): readonly Graph[] {
  let manifest: unknown
  try {
    manifest = JSON.parse(text)
  } catch {
    throw new BadSetting(`LANGGRAPH_JSON: ${file} is not JSON`)
  }
  const graphs = (manifest as { graphs?: unknown } | null)?.graphs
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
