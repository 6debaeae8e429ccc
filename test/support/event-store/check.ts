// Whether an append may be written: the server's order of questions, where a repeated append is recognised before its
// revision is called wrong. Only ids are compared, never content.
import type { RecentIds } from './recent-ids.js'
import { metastreamOf, type Streams } from './streams.js'

/** A revision, or one of the names that the API has for none in particular. */
export type Expected = number | 'any' | 'no_stream' | 'stream_exists'

export type Check =
  | { readonly type: 'write' }
  /** Written before: `last` is the revision of its last event. */
  | { readonly type: 'repeated'; readonly last: number }
  | { readonly type: 'wrong-expected-version'; readonly current: number }
  | { readonly type: 'deleted' }

export function check(
  streams: Streams,
  recent: RecentIds,
  stream: string,
  expected: Expected,
  ids: readonly string[],
): Check {
  const current = streams.last(stream)
  const wrong: Check = { type: 'wrong-expected-version', current }
  if (streams.isTombstoned(stream)) return { type: 'deleted' }
  if (expected === 'stream_exists') {
    if (streams.isSoftDeleted(stream)) return { type: 'deleted' }
    if (current < 0 && streams.last(metastreamOf(stream)) < 0) return wrong
  }
  if (expected === 'any' || expected === 'stream_exists') {
    const revisions = ids.map((id) => recent.get(id, stream))
    if (revisions[0] === undefined) return { type: 'write' }
    if (revisions.includes(undefined)) return wrong
    return { type: 'repeated', last: revisions.at(-1) as number }
  }
  const after = expected === 'no_stream' ? -1 : expected
  if (after > current) return wrong
  if (after === current) return { type: 'write' }
  const events = streams.events(stream)
  const unequal = ids.findIndex((id, i) => events[after + 1 + i]?.id !== id)
  if (unequal < 0 && ids.length > 0) return { type: 'repeated', last: after + ids.length }
  // A stream that was deleted, but not for ever, takes the append that starts it anew.
  if (unequal === 0 && expected === 'no_stream' && streams.isSoftDeleted(stream)) return { type: 'write' }
  return wrong
}
