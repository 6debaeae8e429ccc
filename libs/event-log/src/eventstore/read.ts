// A read of the client as something to iterate: bounded between its messages, ended on both sides when whoever reads
// breaks off, aborts, or the log is closed.
import type { Connection } from './connection.js'
import { EVENTSTORE_LIMITS } from './limits.js'
import type { NodeClient } from './node-client.js'
import { type ClientStream, Source } from './source.js'
import { TimeOver } from './within.js'

/** Room for what a read keeps ready. */
export const READ_AHEAD = { highWaterMark: EVENTSTORE_LIMITS.readAhead }

/**
 * What a read yields. Errors are the client's own, or `TimeOver`, or a signal's reason.
 * @param signals each ends the read by throwing its reason
 */
export async function* readFrom<Item>(
  connection: Connection,
  open: (client: NodeClient) => ClientStream,
  signals: readonly AbortSignal[],
): AsyncGenerator<Item> {
  for (const signal of signals) signal.throwIfAborted()
  const { client, release } = connection.take()
  let source: Source<Item> | undefined
  const wake = () => source?.wake()
  for (const signal of signals) signal.addEventListener('abort', wake)
  try {
    source = new Source<Item>(open(client))
    for (;;) {
      const item = source.take()
      if (item !== undefined) {
        yield item
        for (const signal of signals) signal.throwIfAborted()
        continue
      }
      if (source.ended && !source.failure) return
      if (source.failure || !(await source.change(EVENTSTORE_LIMITS.read_ms))) {
        const failure = source.failure ?? new TimeOver('the next event of a read', EVENTSTORE_LIMITS.read_ms)
        connection.failed(client, failure)
        throw failure
      }
      for (const signal of signals) signal.throwIfAborted()
    }
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', wake)
    source?.release()
    release()
  }
}
