// A build step: extracts from the TypeScript sources of langgraph.json's graphs the schemas that only types have, and writes
// them beside each source. It takes seconds a graph, which a runner that starts has not.
import { rename, writeFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { getStaticGraphSchema } from '@langchain/langgraph-api/schema'
import { type GraphSource, graphSources } from '../graphs.js'
import { type ExtractedFile, extractedFile, extractedPath } from './extracted.js'
import { reasonOf } from './reason.js'
import type { Extracted } from './schemas.js'
import { sourcesOf } from './sources.js'

const TYPESCRIPT = /\.[mc]?tsx?$/

/**
 * @param langgraphJson the file that names the graphs
 * @param tell one line about a graph
 * @returns whether all went well
 * @throws GraphNotLoaded when langgraph.json cannot be read
 */
export async function extractSchemas(langgraphJson: string, tell: (line: string) => void): Promise<boolean> {
  const byFile = new Map<string, GraphSource[]>()
  for (const source of (await graphSources(langgraphJson)).values()) {
    if (TYPESCRIPT.test(source.file)) byFile.set(source.file, [...(byFile.get(source.file) ?? []), source])
    else tell(`${source.name}: ${source.path} is no TypeScript, and has its schemas at run time alone`)
  }
  let well = true
  for (const [file, graphs] of byFile) {
    const exports: Record<string, ExtractedFile['exports'][string]> = {}
    for (const { name, path, variable } of graphs) {
      try {
        exports[variable] = await extracted(file, variable)
        tell(`${name}: ${said(exports[variable])}`)
      } catch (error) {
        well = false
        tell(`${name}: nothing could be extracted from ${path}: ${reasonOf(error)}`)
      }
    }
    if (Object.keys(exports).length === 0) continue
    const path = extractedPath(file)
    const whole = await extractedFile(path, await sourcesOf(file), exports)
    await writeFile(`${path}.new`, `${JSON.stringify(whole, null, 2)}\n`)
    await rename(`${path}.new`, path)
    tell(`written: ${relative(process.cwd(), path)}`)
  }
  return well
}

/** By namespace; the function puts the variable's name before each. */
async function extracted(file: string, variable: string): Promise<Readonly<Record<string, Extracted>>> {
  const all = await quietly(() =>
    getStaticGraphSchema({ sourceFile: file, exportSymbol: variable }, { mainThread: true }),
  )
  const entries = Object.entries(all).map(([name, schemas]) => [name.slice(variable.length + 1), schemas])
  return JSON.parse(JSON.stringify(Object.fromEntries(entries)))
}

/** The function prints what the compiler says of the files that it makes for itself. */
async function quietly<T>(act: () => Promise<T>): Promise<T> {
  const { log, warn } = console
  console.log = console.warn = () => undefined
  try {
    return await act()
  } finally {
    Object.assign(console, { log, warn })
  }
}

function said(byNamespace: Readonly<Record<string, Extracted>>): string {
  const { '': root = {}, ...inside } = byNamespace
  const names = Object.keys(root).join(', ') || 'no schema'
  const subgraphs = Object.keys(inside)
  return subgraphs.length === 0 ? names : `${names}; subgraphs ${subgraphs.join(', ')}`
}
