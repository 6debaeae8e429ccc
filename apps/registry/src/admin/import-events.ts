// Recorded events that come from another log: compared with what is stored, and appended as they are where that ends,
// under the same expected revisions as any command's. Nothing that is sent is trusted: whatever was not sealed as the
// service seals it is refused.
import { sealFault } from '@assistant-ledger/assistant'
import {
  type EventData,
  type EventLog,
  type ExpectedRevision,
  LogConflict,
} from '@assistant-ledger/event-log'
import { appendSurely } from '../commands/append.js'
import { conflicting, type GivenClaim, type GivenEvent, invalidEvent } from './import-requests.js'

/** Streams that are compared at a time. */
const AT_A_TIME = 32

export interface ImportConflict {
  readonly stream: string
  readonly revision: number
  readonly reason: string
}

export interface Compared {
  readonly present: number
  readonly conflicts: readonly ImportConflict[]
}

/** Events of one stream, one after the other. */
interface Run {
  readonly stream: string
  readonly from: number
  readonly events: readonly GivenEvent[]
}

/** Where a stream ends after a run of it. */
interface Head {
  readonly hash: string
  /** Whether the run had something that is not stored yet. */
  readonly isFresh: boolean
}

export class ImportEvents {
  /** @param inTurn whether one append is answered before the next is sent: where the log does not keep their order */
  constructor(
    private readonly log: EventLog,
    private readonly inTurn: boolean,
  ) {}

  /** How many of these events are stored, and which streams have something else in their place. */
  async compare(claims: readonly GivenClaim[]): Promise<Compared> {
    let present = 0
    const conflicts: ImportConflict[] = []
    for (let i = 0; i < claims.length; i += AT_A_TIME) {
      const some = await Promise.all(claims.slice(i, i + AT_A_TIME).map((claim) => this.compareOne(claim)))
      for (const one of some)
        if (typeof one === 'number') present += one
        else conflicts.push(one)
    }
    return { present, conflicts }
  }

  private async compareOne({ stream, from, ids, first }: GivenClaim): Promise<number | ImportConflict> {
    const before = first && from > 0 ? 1 : 0
    const stored = await this.stored(stream, from - before, ids.length + before)
    if (before === 1 && stored.shift() === undefined)
      return { stream, revision: from, reason: 'the events before it are neither here nor in the file' }
    const other = stored.findIndex(({ id }, index) => id !== ids[index])
    if (other < 0) return stored.length
    return { stream, revision: from + other, reason: 'another event stands here in its place' }
  }

  /**
   * Appends what is not stored yet.
   * @throws RefusalError `conflict` naming the stream; `invalid-request` for what was altered. What stood before it
   * may have been written: sent again, that changes nothing
   */
  async write(events: readonly GivenEvent[]): Promise<number> {
    const heads = new Map<string, Head>()
    const appends: { readonly run: Run; readonly fresh: readonly GivenEvent[] }[] = []
    for (const run of runsOf(events)) {
      const fresh = await this.freshOf(run, heads)
      if (fresh.length > 0) appends.push({ run, fresh })
    }
    if (this.inTurn) for (const { run, fresh } of appends) await this.append(run, fresh)
    // The embedded log takes them in the order of the calls, and one sync of the disk serves many.
    else await Promise.all(appends.map(({ run, fresh }) => this.append(run, fresh)))
    return appends.reduce((sum, { fresh }) => sum + fresh.length, 0)
  }

  /** The events of a run that are not stored yet, checked up to the last. */
  private async freshOf(run: Run, heads: Map<string, Head>): Promise<readonly GivenEvent[]> {
    const { stream, from, events } = run
    const head = heads.get(stream)
    let previous = head?.hash
    let known = 0
    // Behind what is stored there is nothing more: only a stream whose runs were all there so far is looked at again.
    if (head?.isFresh !== true) {
      const before = from > 0 ? 1 : 0
      const stored = await this.stored(stream, from - before, events.length + before)
      if (before === 1) {
        const last = stored.shift()
        if (!last) throw conflicting(stream, from, 'the events before it are not here')
        previous = last.hash
      }
      for (const { id } of stored) {
        if (id !== events[known]?.id)
          throw conflicting(stream, from + known, 'another event stands here in its place')
        known += 1
      }
    }
    for (const event of events) {
      const fault = sealFault({ ...event, revision: BigInt(event.revision) }, previous)
      if (fault) throw invalidEvent(stream, event.revision, fault)
      previous = (event.metadata as { readonly hash: string }).hash
    }
    heads.set(stream, { hash: previous as string, isFresh: known < events.length })
    return events.slice(known)
  }

  private async append({ stream }: Run, fresh: readonly GivenEvent[]): Promise<void> {
    const from = (fresh[0] as GivenEvent).revision
    const expected: ExpectedRevision = from === 0 ? 'no_stream' : BigInt(from - 1)
    try {
      await appendSurely(this.log, stream, expected, fresh as readonly EventData[])
    } catch (error) {
      if (!(error instanceof LogConflict)) throw error
      throw conflicting(stream, from, 'somebody else has written there meanwhile')
    }
  }

  private async stored(stream: string, from: number, limit: number) {
    const found: { readonly id: string; readonly hash: string }[] = []
    for await (const { id, metadata } of this.log.readStream(stream, { from: BigInt(from), limit }))
      found.push({ id, hash: (metadata as { readonly hash: string }).hash })
    return found
  }
}

/** Cuts events into those of one stream after the other. */
function runsOf(events: readonly GivenEvent[]): Run[] {
  const runs: { stream: string; from: number; events: GivenEvent[] }[] = []
  for (const event of events) {
    const last = runs.at(-1)
    if (last?.stream === event.stream && last.from + last.events.length === event.revision)
      last.events.push(event)
    else runs.push({ stream: event.stream, from: event.revision, events: [event] })
  }
  return runs
}
