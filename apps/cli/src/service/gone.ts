// Assistants that were deleted, by their last name or the beginning of their id, as the history has them.
import { Failure } from '../failure.js'
import { HISTORY_PAGE, historyPages } from './history.js'
import { beginsId } from './ids.js'
import type { Named } from './named.js'
import type { Service } from './service.js'

/** In a long history they are looked for so long. */
const LOOKING_MS = 5_000

/** The newest first, each once. @throws Failure when the history is too long to be looked through */
export async function goneLike(service: Service, meant: string): Promise<Named[]> {
  const begun = beginsId(meant) ? meant.toLowerCase() : undefined
  const found = new Map<string, Named>()
  const until = performance.now() + LOOKING_MS
  const asked = { type: 'AssistantDeleted' }
  for await (const page of historyPages(service, undefined, asked, undefined, HISTORY_PAGE, until))
    for (const { assistant_id, name = '', graph_id = '', version = 1, at } of page) {
      const isMeant = name === meant || (begun !== undefined && assistant_id.startsWith(begun))
      if (isMeant && !found.has(assistant_id))
        found.set(assistant_id, { assistant_id, name, graph_id, version, updated_at: at, metadata: {} })
    }
  if (found.size === 0 && performance.now() >= until)
    throw new Failure(
      `there is no assistant ${JSON.stringify(meant)}, and the history is too long to look for one that was deleted; name it by its id`,
    )
  return [...found.values()]
}
