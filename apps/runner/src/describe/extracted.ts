// The file beside a graph's TypeScript source that has the schemas which were extracted from it: written by a build step,
// read at the runner's start. It names what it was extracted from, and counts only as long as all of that is unchanged.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename, dirname, extname, join, relative } from 'node:path'
import type { GraphSource } from '../graphs.js'
import type { ExtractedAll } from './describe.js'
import { reasonOf } from './reason.js'
import type { Extracted } from './schemas.js'

const FORMAT = 1

export interface ExtractedFile {
  readonly v: typeof FORMAT
  /** SHA-256, hex, of each file that the graph's types come from, by its path from here. */
  readonly sources: Readonly<Record<string, string>>
  /** By what the source exports, then by namespace; that of the graph itself is empty. */
  readonly exports: Readonly<Record<string, Readonly<Record<string, Extracted>>>>
}

export interface ExtractedFound {
  readonly schemas: ExtractedAll
  /** Why there are none although there is a file. */
  readonly problem?: string
}

/** @example '/app/graphs/writer.schemas.json' for '/app/graphs/writer.ts' */
export const extractedPath = (source: string): string =>
  join(dirname(source), `${basename(source, extname(source))}.schemas.json`)

export async function readExtracted({ file, variable }: GraphSource): Promise<ExtractedFound> {
  const path = extractedPath(file)
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return { schemas: new Map() }
  try {
    const { v, sources, exports }: ExtractedFile = JSON.parse(text)
    if (v !== FORMAT) throw new Error(`its format is ${v}, not ${FORMAT}`)
    for (const [source, hash] of Object.entries(sources))
      if ((await hashOf(join(dirname(path), source))) !== hash)
        throw new Error(`${source} is not what it was extracted from; run \`npm run graph-schemas\` again`)
    return { schemas: new Map(Object.entries(exports[variable] ?? {})) }
  } catch (error) {
    return { schemas: new Map(), problem: `${basename(path)} is not used: ${reasonOf(error)}` }
  }
}

/** @param sources absolute paths */
export async function extractedFile(
  path: string,
  sources: readonly string[],
  exports: ExtractedFile['exports'],
): Promise<ExtractedFile> {
  const hashes = await Promise.all(
    sources.map(async (source) => [
      relative(dirname(path), source).replaceAll('\\', '/'),
      await hashOf(source),
    ]),
  )
  return { v: FORMAT, sources: Object.fromEntries(hashes.sort()), exports }
}

/** A checkout with other line ends is no other source. */
async function hashOf(path: string): Promise<string> {
  const text = await readFile(path, 'utf8')
  return createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex')
}
