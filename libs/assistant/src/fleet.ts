// What is recorded of the runners, for ever: which of them there were, and what each reported of which assistant. The
// names and fields are storage format, as in events.ts.
import type { Actor } from './events.js'
import { type Head, type SealedEvent, seal } from './seal.js'
import type { StoredEvent } from './upcast.js'

/** `removed`: the runner holds the assistant no longer. */
export type ReportStatus = 'active' | 'rejected' | 'removed'

/** One runner's word on one revision of an assistant. */
export interface RunnerReport {
  readonly runner: string
  /** Random, made at each start of a runner's process: two runners of one name are told apart by it. */
  readonly instance: string
  readonly environment: string
  /** Of the assistant's stream. */
  readonly revision: number
  /** What it is on, or has refused; absent when there is no configuration, or none that could be read. */
  readonly generation?: number
  readonly version?: number
  /** The content's hash. */
  readonly hash?: string
  readonly status: ReportStatus
  /** Why it was rejected. */
  readonly reason?: string
  /** When the service's side had it: clocks of runners are not trusted. */
  readonly at: string
}

/** In the stream `fleet.<project>-<assistant_id>`: reports as they came, many at a time. */
export interface RunnersReported {
  readonly type: 'RunnersReported'
  readonly data: { readonly reports: readonly RunnerReport[]; readonly salt: string }
}

/** A runner that is there, and what it follows. */
export interface RunnerStay {
  readonly runner: string
  readonly instance: string
  readonly build?: string
  readonly environment: string
  readonly graphs: readonly string[]
  /** The only assistants that it follows of these graphs; absent: all. */
  readonly assistants?: readonly string[]
  readonly at: string
}

/** In the fleet's own stream: runners that are there from now on. */
export interface RunnersJoined {
  readonly type: 'RunnersJoined'
  readonly data: { readonly runners: readonly RunnerStay[]; readonly salt: string }
}

export type LeaveReason = 'closed' | 'silent'

/** In the fleet's own stream: runners that said that they end, or have said nothing for too long. */
export interface RunnersLeft {
  readonly type: 'RunnersLeft'
  readonly data: {
    readonly runners: readonly {
      readonly runner: string
      readonly instance: string
      readonly reason: LeaveReason
      readonly at: string
    }[]
    readonly salt: string
  }
}

export type FleetEvent = RunnersReported | RunnersJoined | RunnersLeft

/** The newest format of the fleet's events. */
const FLEET_SCHEMA = 1

/** An event of a `fleet.` stream, undefined when this version cannot read it. */
export function readFleetEvent({ type, data, metadata }: StoredEvent): FleetEvent | undefined {
  const { schema } = (metadata ?? {}) as { schema?: unknown }
  if (typeof schema !== 'number' || schema > FLEET_SCHEMA) return undefined
  const listed = (name: string) => Array.isArray((data as Record<string, unknown> | null)?.[name])
  switch (type) {
    case 'RunnersReported':
      return listed('reports') ? ({ type, data } as RunnersReported) : undefined
    case 'RunnersJoined':
    case 'RunnersLeft':
      return listed('runners') ? ({ type, data } as RunnersJoined | RunnersLeft) : undefined
    default:
      return undefined
  }
}

const SYSTEM: Actor = { id: 'system', verified: true, via: 'system' }

/** Seals an event of a `fleet.` stream; the service itself is its actor. */
export function sealFleetEvent(
  event: FleetEvent,
  head: Head,
  from: {
    readonly stream: string
    readonly now: string
    readonly commandId: string
    readonly commandHash: string
  },
): SealedEvent<FleetEvent> {
  return seal([event], head, { ...from, actor: SYSTEM })[0] as SealedEvent<FleetEvent>
}
