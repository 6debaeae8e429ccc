// Assistants as files say them: YAML or JSON, one or many a file, from files, folders or the standard input.

import { readdir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { canonical, uuid5 } from '@assistant-ledger/assistant'
import { checkWritten, isObject, parseDocuments, type Written } from '../content.js'
import { Failure, unreadable, usage } from '../failure.js'
import { isAssistantId } from '../service/naming.js'
import { readText } from '../text-file.js'
import { MARK } from './mark.js'

/** What a file says of one assistant. */
export interface Declared {
  readonly assistant_id: string
  readonly written: Written
  /** Where it stands, for messages: `assistants/blog.yaml`, or `assistants/all.yaml (2)`. */
  readonly where: string
}

/** An assistant without an id of its own has one from its graph and its name, the same in every service. For ever so. */
const DECLARED = '7c1b8f0e-9d43-5a52-8a3b-6f3e0c9d2a11'

export const declaredId = (graph: string, name: string): string =>
  uuid5(DECLARED, canonical({ graph_id: graph, name }))

const EXTENSIONS: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json'])
/** Folders within folders. */
const DEEPEST = 16

/** In the order of the paths given, files of a folder by name. @throws Failure naming file and field */
export async function readDeclared(paths: readonly string[]): Promise<Declared[]> {
  const declared: Declared[] = []
  for (const path of paths) {
    const files = path === '-' ? ['-'] : await filesAt(path, 0)
    for (const file of files) declared.push(...(await declaredIn(file)))
    if (files.length === 0) throw usage(`${path} has no .yaml, .yml or .json file`)
  }
  const first = new Map<string, string>()
  for (const { assistant_id, where } of declared) {
    const before = first.get(assistant_id)
    if (before !== undefined)
      throw usage(
        `${before} and ${where} are the same assistant (${assistant_id}); give one another name or assistant_id`,
      )
    first.set(assistant_id, where)
  }
  return declared
}

async function filesAt(path: string, depth: number): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    if (depth > DEEPEST) throw usage(`${path} is too deep: at most ${DEEPEST} folders`)
    const entries = await readdir(path, { withFileTypes: true })
    const files: string[] = []
    for (const { name } of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
      if (name.startsWith('.')) continue
      const inner = join(path, name)
      const isFolder = (await stat(inner)).isDirectory()
      if (isFolder) files.push(...(await filesAt(inner, depth + 1)))
      else if (EXTENSIONS.has(extname(name).toLowerCase())) files.push(inner)
    }
    return files
  } catch (error) {
    if (error instanceof Failure) throw error
    throw unreadable(path, error)
  }
}

async function declaredIn(file: string): Promise<Declared[]> {
  const named = file === '-' ? 'the standard input' : file
  const documents = (await parseDocuments(await readText(file), named)).flat()
  return documents.map((document, at) =>
    declaredOf(document, documents.length === 1 ? named : `${named} (${at + 1})`),
  )
}

function declaredOf(document: unknown, where: string): Declared {
  const written = checkWritten(document, where)
  if (written.metadata && Object.hasOwn(written.metadata, MARK))
    throw usage(`${where}: metadata.${MARK} is what apply itself writes; leave it out`)
  const { assistant_id } = isObject(document) ? document : {}
  if (assistant_id !== undefined && assistant_id !== null) {
    if (typeof assistant_id !== 'string' || !isAssistantId(assistant_id))
      throw usage(`${where}: assistant_id must be a UUID`)
    return { assistant_id: assistant_id.toLowerCase(), written, where }
  }
  const { graph_id, name } = written
  if (!graph_id || !name) throw usage(`${where} needs graph_id and name, or an assistant_id`)
  return { assistant_id: declaredId(graph_id, name), written, where }
}
