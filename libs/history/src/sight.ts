// What of an assistant's past somebody may see: judged on what it was at each event, not on what it is now. A version is
// seen where both the assistant as it was live then and the version itself may be.
import { type JsonObject, LIVE } from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { Chronicle, Made } from './chronicle.js'
import type { Past } from './past.js'

/** Whether what has this metadata may be seen; undefined: everything may. */
export type Sees = ((metadata: JsonObject) => boolean) | undefined

/** `gone`: what was seen until then is not any more. */
export type Seen = 'seen' | 'gone' | 'hidden'

/** @param chronicle of the event's stream, with the event in it */
export async function seenAt(
  past: Past,
  chronicle: Chronicle,
  { revision }: Pick<RecordedEvent, 'revision'>,
  sees: Sees,
): Promise<Seen> {
  if (!sees) return 'seen'
  // What cannot be read cannot be judged.
  if (revision >= chronicle.next) return 'hidden'
  const maySee = async (made: Made | undefined) =>
    made !== undefined && sees(await past.metadataOf(chronicle, made))
  const live = chronicle.liveAfter(revision)
  if (await maySee(live)) {
    const concerned = concernedBy(chronicle, revision)
    return concerned === live || (await maySee(concerned)) ? 'seen' : 'hidden'
  }
  const before = chronicle.after(revision - 1n)
  const was = before.life && chronicle.liveAfter(revision - 1n)
  return was !== live && (await maySee(was)) ? 'gone' : 'hidden'
}

/** Whether the assistant as it is, or as it was when it went, may be seen. */
export async function isSeenNow(past: Past, chronicle: Chronicle, sees: Sees): Promise<boolean> {
  if (chronicle.next === 0n) return false
  if (!sees) return true
  const live = chronicle.liveAfter(chronicle.next - 1n)
  return live !== undefined && sees(await past.metadataOf(chronicle, live))
}

/** The version that was made or moved to by an event; the live one where it was none. */
function concernedBy(chronicle: Chronicle, revision: bigint): Made | undefined {
  const step = chronicle.after(revision)
  const before = chronicle.after(revision - 1n)
  const { generation, life } = step
  if (!life || life === before.life) return chronicle.liveAfter(revision)
  if (life.highest !== before.life?.highest) return chronicle.version(generation, life.highest)
  const moved = [...life.pointers.values()].find((pointer) => pointer.revision === revision)
  return chronicle.version(generation, moved?.version ?? life.pointers.get(LIVE)?.version ?? 0)
}
