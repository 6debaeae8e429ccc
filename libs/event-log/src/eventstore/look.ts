// Whether a follower that has nothing to yield has missed something, or only others have written: the newest events
// are gone back over to what it has seen. It is how a follower gets to positions that hold nothing for it, and how one
// whose subscription is frozen finds out.
import { newest, newestFirst, type Reading } from './all.js'
import { EVENTSTORE_LIMITS } from './limits.js'
import { isSeen, recordedOf, type Sight } from './recorded.js'

export type Look =
  /** Nothing up to `position`, the newest, is for the follower. */
  | { readonly type: 'nothing'; readonly position: bigint }
  /** The event at `position` is, and has to come. */
  | { readonly type: 'owed'; readonly position: bigint }
  /** Others have written too much to say. */
  | { readonly type: 'unclear' }

export async function lookPast(reading: Reading, seen: bigint, sight: Sight): Promise<Look> {
  // Mostly nothing is new, which one event tells.
  const head = await newest(reading)
  if (head <= seen) return { type: 'nothing', position: head }
  let looked = 0
  let first = head
  for await (const { resolved, position } of newestFirst(reading, EVENTSTORE_LIMITS.lookEvents)) {
    if (looked++ === 0) first = position
    if (position <= seen) return { type: 'nothing', position: first }
    const event = recordedOf(resolved)
    if (event && isSeen(sight, event.stream)) return { type: 'owed', position }
  }
  return looked < EVENTSTORE_LIMITS.lookEvents ? { type: 'nothing', position: first } : { type: 'unclear' }
}
