// Each event against the one before it in its stream, and against itself: its place, its seal, its id, its time, and
// whether what it says may follow. After a difference the stream is followed from what stands there, so that one
// alteration is told once.
import {
  type EventMetadata,
  LIVE,
  readEvent,
  readFleetEvent,
  readGraphEvent,
  sealFault,
  UnreadableEvent,
} from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import { type StreamEnd, StreamTable } from '../stream-table.js'
import { afterwards, illegal } from './legal.js'
import { Pointers } from './pointers.js'

/** Stands for one that cannot be read. */
const NO_HASH = '0'.repeat(64)
const HASH = /^[0-9a-f]{64}$/
const AT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/

export interface Judged {
  /** Whether it is at the next revision of its stream. */
  readonly placed: boolean
  /** What is wrong with it, each in a sentence. */
  readonly faults: readonly string[]
}

export class Chains {
  private readonly streams = new StreamTable()
  private readonly pointers = new Pointers()

  /** Takes the log's next event. */
  take(event: RecordedEvent): Judged {
    const before = this.streams.find(event.stream)
    const place = placeFault(event, before)
    const seal = sealFault(event, place === undefined ? before?.hash : undefined)
    const faults = [place, seal].filter((fault) => fault !== undefined)
    // What was altered may say anything: that it cannot follow is no second fact.
    if (faults.length === 0) {
      const fault = this.meaningFault(event, before)
      if (fault !== undefined) faults.push(fault)
    }
    const end = endOf(event, before)
    this.streams.set(event.stream, end)
    this.follow(event, end)
    return { placed: place === undefined, faults }
  }

  private meaningFault(event: RecordedEvent, before: StreamEnd | undefined): string | undefined {
    const { stream } = event
    const { at } = event.metadata as EventMetadata
    if (typeof at !== 'string' || !AT.test(at)) return 'its time is no time'
    if (before && microseconds(at) < before.at_us) return 'its time is before that of the event before it'
    if (stream.startsWith('fleet.')) return readFleetEvent(event) ? undefined : unreadable(event)
    if (stream.startsWith('graph.')) return readGraphEvent(event) ? undefined : unreadable(event)
    if (!stream.startsWith('assistant.')) return undefined
    const life = { stream, generation: before?.generation ?? 0 }
    try {
      return illegal(readEvent(event).event, before, (environment) => this.pointers.find(life, environment))
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error
      return error.why
    }
  }

  /** Notes where an environment but `live` points to now. */
  private follow({ stream, type, data }: RecordedEvent, { generation }: StreamEnd): void {
    if (type !== 'VersionPromoted') return
    const { environment, version } = (data ?? {}) as Record<string, unknown>
    if (typeof environment !== 'string' || environment === LIVE || typeof version !== 'number') return
    this.pointers.set({ stream, generation }, environment, version)
  }
}

function placeFault({ revision }: RecordedEvent, before: StreamEnd | undefined): string | undefined {
  const next = before ? before.revision + 1 : 0
  const found = Number(revision)
  if (found === next) return undefined
  if (found < next) return `it follows revision ${next - 1} in the log: it was put in, or stands out of order`
  return found === next + 1
    ? `it follows revision ${next - 1}: revision ${next} is missing`
    : `it follows revision ${next - 1}: revisions ${next} to ${found - 1} are missing`
}

const unreadable = ({ type }: RecordedEvent): string => `its type ${type} or its fields cannot be read`

function endOf(event: RecordedEvent, before: StreamEnd | undefined): StreamEnd {
  const { hash, at } = (event.metadata ?? {}) as Partial<EventMetadata>
  return {
    revision: Number(event.revision),
    hash: typeof hash === 'string' && HASH.test(hash) ? hash : NO_HASH,
    at_us: typeof at === 'string' && AT.test(at) ? microseconds(at) : (before?.at_us ?? 0),
    ...afterwards(event, before),
  }
}

/** A recorded time as a number that sorts alike: exact until the year 2255. */
const microseconds = (at: string): number =>
  Date.parse(`${at.slice(0, 23)}Z`) * 1000 + Number(at.slice(23, 26))
