// Where read models stand, without a change to any: what a rebuild that was broken off has, and what serves.
import type { ReadModelOptions } from './open.js'
import { rebuiltSchema } from './postgres/names.js'
import { NoReadModel, openSnapshot, type Snapshot } from './snapshot.js'
import { isDirty, rebuiltFile } from './sqlite.js'

export type Stood = Pick<Snapshot, 'position' | 'logId'>

/** What `openRebuilt` would go on from; undefined where it would begin anew. */
export async function begunRebuild(options: ReadModelOptions): Promise<Stood | undefined> {
  if ('url' in options) return stoodOf({ url: options.url, schema: rebuiltSchema(options.project) }, options)
  const file = rebuiltFile(options.file)
  return isDirty(file) ? undefined : stoodOf({ file }, options)
}

/** Where the one that serves is; undefined where there is none, or one that would be begun anew. */
export const servedAt = (options: ReadModelOptions): Promise<Stood | undefined> =>
  stoodOf('url' in options ? { url: options.url } : { file: options.file }, options)

async function stoodOf(
  source: Parameters<typeof openSnapshot>[0],
  { project }: ReadModelOptions,
): Promise<Stood | undefined> {
  try {
    const snapshot = await openSnapshot(source, project)
    await snapshot.close()
    const { position, logId } = snapshot
    return { position, logId }
  } catch (error) {
    // A database that cannot be reached says nothing of what is there; a damaged file is begun anew.
    const isAway = 'url' in source && (error as Error).cause !== undefined
    if (error instanceof NoReadModel && !isAway) return undefined
    throw error
  }
}
