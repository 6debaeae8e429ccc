// One subscription of the client to `$all`, filtered by the server: its events, and what it has said beside them.
import { type AllStreamResolvedEvent, START, streamNameFilter } from '@eventstore/db-client'
import { EVENTSTORE_LIMITS } from './limits.js'
import type { NodeClient } from './node-client.js'
import { READ_AHEAD } from './read.js'
import type { Sight } from './recorded.js'
import { Source } from './source.js'

export class Subscription {
  readonly source: Source<AllStreamResolvedEvent>
  confirmed = false
  /** It has come to the end of what there was, and not fallen behind since. */
  live = false
  /** All up to here has come, or is not for us; valid once everything that has come is taken. */
  checkpoint = 0n
  /** Whatever came, events aside: the server is not frozen. */
  signs = 0

  /** @param from where an event stands, exclusive; 0n for the start */
  constructor(client: NodeClient, from: bigint, { project, prefixes }: Sight) {
    const options = {
      checkpointInterval: EVENTSTORE_LIMITS.checkpointInterval,
      // Nothing in here may fail: the client would end the subscription for it and say so to nobody.
      checkpointReached: (_: unknown, { commit }: { readonly commit: bigint }) => {
        this.checkpoint = commit
        this.sign()
      },
    }
    // Prefixes cost the server least. What they let through too much is sorted out here.
    const filter = prefixes?.length
      ? streamNameFilter({ prefixes: [...prefixes], ...options })
      : streamNameFilter({ regex: `^[^.$][^.]*\\.${project}(-|$)`, ...options })
    const fromPosition = from === 0n ? START : { commit: from, prepare: from }
    const stream = client.subscribeToAll({ fromPosition, filter }, READ_AHEAD)
    this.source = new Source<AllStreamResolvedEvent>(stream)
    stream.on('confirmation', () => {
      this.confirmed = true
      this.sign()
    })
    stream.on('caughtUp', () => {
      this.live = true
      this.sign()
    })
    stream.on('fellBehind', () => {
      this.live = false
      this.sign()
    })
  }

  private sign(): void {
    this.signs += 1
    this.source.wake()
  }
}
