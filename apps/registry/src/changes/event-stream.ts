// Changes as server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html. The id of each is its
// position, which a reader that comes again sends as Last-Event-ID; one without data is only remembered as that.
import type { Told } from './changes.js'

/** Milliseconds after which a reader that lost the stream comes again. */
const AGAIN_MS = 1_000

/** @param told the first one says only where the stream begins */
export async function* eventStream(told: AsyncIterable<Told>): AsyncGenerator<string> {
  let first = true
  for await (const { position, notice } of told) {
    if (notice) yield `id: ${position}\nevent: ${notice.type}\ndata: ${dataOf(position, notice)}\n\n`
    else if (first) yield `retry: ${AGAIN_MS}\nid: ${position}\n\n`
    else yield `: still here\nid: ${position}\n\n`
    first = false
  }
}

function dataOf(position: bigint, notice: NonNullable<Told['notice']>): string {
  return JSON.stringify(
    notice.type === 'change'
      ? notice.entry
      : { position: String(position), assistant_id: notice.assistantId },
  )
}
