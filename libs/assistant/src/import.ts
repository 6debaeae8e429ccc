// Assistants that come from a LangGraph server: its versions become events here, numbered as they are there, with the
// times that they have there noted. What is here already has to be the same.

import { type Content, contentHash, wholeContent } from './content.js'
import type { AssistantEvent } from './events.js'
import { type Refusal, refuse } from './refusal.js'
import { LIVE, type State } from './state.js'

export interface GivenVersion {
  readonly version: number
  readonly content: Content
  readonly createdAt: string
}

/** An assistant as another server has it, or a part of its versions: those that follow one another. */
export interface GivenLife {
  readonly assistantId: string
  readonly from: string
  readonly versions: readonly GivenVersion[]
  /** What is live there, and since when; absent as long as more versions are to come. */
  readonly live?: { readonly version: number; readonly updatedAt: string }
}

/**
 * The events that are missing here; none when all is here already.
 * @param state with the contents of all versions
 * @param lastLive what was live there when it was imported last; undefined when it never was
 * @param salt 16 random bytes, base64url, for each event
 */
export function decideImport(
  state: State,
  { assistantId, from, versions, live }: GivenLife,
  lastLive: number | undefined,
  salt: () => string,
): readonly AssistantEvent[] | Refusal {
  if (!state.life && state.generation > 0)
    return refuse('conflict', `Assistant ${assistantId} was deleted here: an import does not bring it back`)
  const events: AssistantEvent[] = []
  let highest = state.life?.highest ?? 0
  for (const { version, content: given, createdAt } of versions) {
    const content = wholeContent(given)
    if (!content.ok) return { ...content.refusal, detail: `Version ${version}: ${content.refusal.detail}` }
    if (version > highest + 1)
      return refuse(
        'invalid-request',
        `Version ${version} of ${assistantId} cannot follow version ${highest}`,
      )
    if (version <= highest) {
      const here = state.life?.contents.get(version)
      if (here && contentHash(here) === contentHash(content.value)) continue
      return refuse('conflict', `Version ${version} of ${assistantId} is another one here than there`)
    }
    highest = version
    const imported = { from, at: createdAt }
    const more = { content: content.value, imported, salt: salt() }
    events.push(
      version === 1
        ? {
            type: 'AssistantCreated',
            data: { assistant_id: assistantId, generation: state.generation + 1, version, ...more },
          }
        : { type: 'ConfigChanged', data: { version, ...more } },
    )
  }
  if (!live) return events
  if (live.version > highest)
    return refuse(
      'invalid-request',
      `Version ${live.version} of ${assistantId} is live there and was not sent`,
    )
  const pointsTo = state.life?.environments.get(LIVE)?.version ?? 1
  // What was moved here meanwhile stays, unless it was moved there too.
  if (live.version === pointsTo || live.version === lastLive) return events
  const imported = { from, at: live.updatedAt }
  const data = { version: live.version, replaces: pointsTo, environment: LIVE, imported, salt: salt() }
  return [...events, { type: 'VersionPromoted', data }]
}

/** What was live there at the last import, from the events of the stream. */
export const lastLiveOf = (events: Iterable<AssistantEvent>): number | undefined => {
  let last: number | undefined
  for (const { type, data } of events)
    if ((type === 'VersionPromoted' || type === 'AssistantCreated') && data.imported) last = data.version
  return last
}
