// The content that the options of a command give.
import { assign, hasAssignments } from './assign.js'
import { checkWritten, parseDocument, type Written } from './content.js'
import type { ContentOptions } from './options.js'
import { readText } from './text-file.js'

/**
 * From the file, then the options for single fields, then --set and the like.
 * @param before what a path leads into where the file says nothing of it
 * @throws Failure
 */
export async function contentGiven(options: ContentOptions, before?: Written): Promise<Written> {
  const { file, name, description, graph } = options
  const written = file === undefined ? {} : await contentIn(file)
  const given: Written = {
    ...written,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(graph === undefined ? {} : { graph_id: graph }),
  }
  return hasAssignments(options) ? assign({ ...before, ...given }, options) : given
}

async function contentIn(file: string): Promise<Written> {
  const where = file === '-' ? 'the standard input' : file
  return checkWritten(await parseDocument(await readText(file), where), where)
}
