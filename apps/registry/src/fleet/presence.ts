// Who is there: runners say so every few seconds, and are gone when they say that they end or say nothing for too
// long. Every replica hears them; the one that leads records what changes. The ages in between are only in memory.
import { decodeToken, type LeaveReason, runnerKey, timestamp } from '@assistant-ledger/assistant'
import { controlSubject, presenceSubjects } from '@assistant-ledger/change-feed'
import { LogConflict } from '@assistant-ledger/event-log'
import type { ReadModel, RunnerRow } from '@assistant-ledger/read-model'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { aborted } from '../signals.js'
import { caughtUp } from './caught-up.js'
import { type Change, type Leave, shortened } from './changes.js'
import type { Digests } from './digests.js'
import { FLEET_LIMITS } from './limits.js'
import { type PresenceMessage, readPresence } from './message.js'
import { type FleetLog, fleetId } from './record.js'
import { Unregistered } from './unregistered.js'

/** A runner that is there, as it last said. */
export interface Present {
  readonly runner: string
  readonly instance: string
  readonly environment: string
  readonly state: string
  /** Milliseconds in that state by its own word, and since that word. */
  readonly ageMs: number
  readonly heardMs: number
  /** The hash of the descriptor of what it runs, by graph; absent when it does not say. */
  readonly descriptors?: ReadonlyMap<string, string>
}

interface Known extends PresenceMessage {
  /** By the monotonic clock. */
  heardAt: number
  differing: number
  askedAt: number
}

export interface PresenceOptions {
  readonly connection: NatsConnection
  readonly project: string
  readonly model: ReadModel
  readonly fleetLog: FleetLog
  readonly digests: Digests
  readonly warn: (line: string) => void
}

export class Presence {
  /** By `runnerKey`: an instance is random and anybody can repeat it; the name is what the broker vouches for. */
  private readonly known = new Map<string, Known>()
  /** Those that went while this replica did not lead, by `runnerKey`: whoever led then may not have heard it. */
  private readonly unrecorded = new Map<string, Leave>()
  private readonly unregistered: Unregistered
  private leading = false
  private changes: Change[] = []
  /** How many of them are on their way into the log. */
  private underWay = 0
  private lookedAt = performance.now()
  /** Whether the connection is broken, as far as is known. */
  private away = true
  private recording: Promise<void> | undefined
  private failed: (error: Error) => void = () => undefined

  constructor(private readonly options: PresenceOptions) {
    this.unregistered = new Unregistered(options.model.descriptors)
  }

  /** Those that are there, as they last said; a runner that has not spoken since the start of this service is missing. */
  get present(): readonly Present[] {
    const now = performance.now()
    return [...this.known.values()].map(
      ({ runner, instance, environment, state, ageMs, heardAt, descriptors }) => ({
        runner,
        instance,
        environment,
        state,
        ageMs,
        heardMs: now - heardAt,
        ...(descriptors ? { descriptors } : {}),
      }),
    )
  }

  /** The hashes of the descriptors that runners which are there name of a graph. @param environment absent: of any */
  descriptorsOf(graphId: string, environment?: string): ReadonlySet<string> {
    const hashes = new Set<string>()
    for (const one of this.known.values()) {
      if (environment !== undefined && one.environment !== environment) continue
      const hash = one.descriptors?.get(graphId)
      if (hash !== undefined) hashes.add(hash)
    }
    return hashes
  }

  /** Listens until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const { connection, project } = this.options
    const subscription = connection.subscribe(presenceSubjects(project), {
      callback: (error, message) => {
        if (!error) this.hear(message)
      },
    })
    void this.watch()
    // It may have broken before: what is answered from here on is heard.
    connection.flush().then(
      () => {
        this.away = false
      },
      () => undefined,
    )
    const look = setInterval(() => this.lookForSilent(), FLEET_LIMITS.look_ms)
    await aborted(signal)
    clearInterval(look)
    if (!connection.isClosed()) subscription.unsubscribe()
  }

  /**
   * Records who comes and goes until the signal, beginning with what is not recorded yet.
   * @throws LogConflict somebody else records too: the lead is lost
   */
  async lead(signal: AbortSignal): Promise<void> {
    const { fleetLog, model, project } = this.options
    await caughtUp(model, await fleetLog.look(fleetId(project)), signal)
    const recorded = await model.fleet.runners({
      gone: false,
      limit: FLEET_LIMITS.runners,
      offset: 0,
    })
    const failed = new Promise<never>((_, reject) => {
      this.failed = reject
    })
    this.options.digests.clear()
    this.unregistered.clear()
    this.changes = []
    this.leading = true
    this.reconcile(recorded)
    const look = setInterval(() => this.record(), FLEET_LIMITS.look_ms)
    try {
      await Promise.race([aborted(signal), failed])
    } finally {
      this.leading = false
      clearInterval(look)
      await this.recording
    }
  }

  /** Who was there by the record and was not heard yet has the usual time to say that it still is. */
  private reconcile(recorded: readonly RunnerRow[]): void {
    const there = new Set(this.known.keys())
    for (const { joinedAt, left, ...stay } of recorded) {
      const key = runnerKey(stay)
      there.delete(key)
      const known = this.known.get(key)
      const went = this.unrecorded.get(key)
      if (known && isAlike(known, stay)) continue
      if (known) {
        this.changed({ type: 'RunnersLeft', runner: leaveOf(known, 'closed') })
        this.join(known)
      } else if (went) this.changed({ type: 'RunnersLeft', runner: went })
      else this.known.set(key, unheard(stay))
    }
    this.unrecorded.clear()
    for (const key of there) this.join(this.known.get(key) as Known)
  }

  private hear(message: Msg): void {
    const runner = decodeToken(message.subject.slice(message.subject.lastIndexOf('.') + 1))
    const said = readPresence(message.string(), runner)
    if (!said) return
    const key = runnerKey(said)
    const before = this.known.get(key)
    if (said.state === 'closed') {
      if (before) this.leave(before, 'closed')
      return
    }
    if (!before && !this.hasRoomFor(runner)) return
    if (!before || !isAlike(before, said)) {
      if (before) this.leave(before, 'closed')
      this.join(said)
    }
    const { differing = 0, askedAt = Number.NEGATIVE_INFINITY } = before ?? {}
    const known = { ...said, heardAt: performance.now(), differing, askedAt }
    this.known.set(key, known)
    if (before && this.leading)
      Promise.all([this.compare(known), this.compareGraphs(known)]).catch((error: Error) =>
        this.options.warn(`what ${runner} reports could not be compared: ${error.message}`),
      )
  }

  /** One name cannot take the room of all others. */
  private hasRoomFor(runner: string): boolean {
    if (this.known.size >= FLEET_LIMITS.runners) return false
    let instances = 0
    for (const one of this.known.values()) if (one.runner === runner) instances += 1
    return instances < FLEET_LIMITS.instances
  }

  /** What a runner says to have reported is held against what is recorded; a lasting difference is a lost report. */
  private async compare(known: Known): Promise<void> {
    const { count, digest } = await this.options.digests.of(known)
    const equal = known.count === count && known.digest === digest
    known.differing = equal ? 0 : known.differing + 1
    const now = performance.now()
    if (known.differing < FLEET_LIMITS.differing || now - known.askedAt < FLEET_LIMITS.ask_ms) return
    known.askedAt = now
    this.ask(known, 'report')
  }

  /** A log that was restored from an older copy knows nothing of what was registered since, and its runner knows that. */
  private async compareGraphs(known: Known): Promise<void> {
    if (known.descriptors && (await this.unregistered.isDue(runnerKey(known), known.descriptors)))
      this.ask(known, 'register')
  }

  private ask({ runner, instance }: Known, what: 'report' | 'register'): void {
    const { connection, project } = this.options
    const ask = { v: 1, instance, do: what }
    if (!connection.isClosed()) connection.publish(controlSubject(project, runner), JSON.stringify(ask))
  }

  private lookForSilent(): void {
    const now = performance.now()
    const frozen = now - this.lookedAt - FLEET_LIMITS.look_ms
    this.lookedAt = now
    // This process was stopped, or had no turn: what runners said meanwhile is yet to be heard.
    if (frozen > FLEET_LIMITS.look_ms) for (const known of this.known.values()) known.heardAt += frozen
    // While NATS is away nobody can be heard: that says nothing of the runners.
    if (this.away) {
      for (const known of this.known.values()) known.heardAt = performance.now()
      return
    }
    const since = now - FLEET_LIMITS.silent_ms
    for (const known of this.known.values()) if (known.heardAt < since) this.leave(known, 'silent')
  }

  private async watch(): Promise<void> {
    for await (const { type } of this.options.connection.status())
      if (type === 'disconnect') this.away = true
      else if (type === 'reconnect') this.away = false
  }

  private join({ runner, instance, build, environment, graphs, assistants }: PresenceMessage): void {
    const stay = {
      runner,
      instance,
      ...(build === undefined ? {} : { build }),
      environment,
      graphs,
      ...(assistants === undefined ? {} : { assistants }),
      at: timestamp(Date.now()),
    }
    this.changed({ type: 'RunnersJoined', runner: stay })
  }

  private leave(known: Known, reason: LeaveReason): void {
    this.known.delete(runnerKey(known))
    this.options.digests.forget(known)
    this.unregistered.forget(runnerKey(known))
    this.changed({ type: 'RunnersLeft', runner: leaveOf(known, reason) })
  }

  private changed(change: Change): void {
    const { type, runner } = change
    if (this.leading) {
      this.changes.push(change)
      if (this.changes.length > FLEET_LIMITS.changes) this.shorten()
      this.record()
    } else if (type === 'RunnersLeft') {
      this.unrecorded.set(runnerKey(runner), runner)
      const [oldest] = this.unrecorded.keys()
      if (this.unrecorded.size > FLEET_LIMITS.runners) this.unrecorded.delete(oldest as string)
    }
  }

  private shorten(): void {
    const { underWay } = this
    this.changes = [...this.changes.slice(0, underWay), ...shortened(this.changes.slice(underWay))]
  }

  private record(): void {
    if (this.changes.length === 0) return
    this.recording ??= this.write()
      .catch((error: Error) => {
        if (error instanceof LogConflict) this.failed(error)
        else this.options.warn(`who is there could not be recorded yet: ${error.message}`)
      })
      .finally(() => {
        this.recording = undefined
      })
  }

  /** What could not be written stays, and is tried again at the next look. */
  private async write(): Promise<void> {
    const { fleetLog, project } = this.options
    for (let first = this.changes[0]; first; first = this.changes[0]) {
      const { type } = first
      const end = this.changes.findIndex((change) => change.type !== type)
      const most = Math.min(end < 0 ? this.changes.length : end, FLEET_LIMITS.staysAnEvent)
      const runners = this.changes.slice(0, most).map(({ runner }) => runner)
      this.underWay = most
      try {
        await fleetLog.append(fleetId(project), { type, data: { runners } })
        this.changes = this.changes.slice(most)
      } finally {
        this.underWay = 0
      }
    }
  }
}

const unheard = (stay: Omit<RunnerRow, 'joinedAt' | 'left'>): Known => ({
  ...stay,
  state: 'unheard',
  ageMs: 0,
  count: 0,
  digest: '',
  heardAt: performance.now(),
  differing: 0,
  askedAt: Number.NEGATIVE_INFINITY,
})

const leaveOf = ({ runner, instance }: Known, reason: LeaveReason): Leave => ({
  runner,
  instance,
  reason,
  at: timestamp(Date.now()),
})

type Alike = Pick<PresenceMessage, 'environment' | 'graphs' | 'assistants' | 'build'>

const isAlike = (one: Alike, other: Alike): boolean =>
  JSON.stringify([one.environment, one.graphs, one.assistants, one.build]) ===
  JSON.stringify([other.environment, other.graphs, other.assistants, other.build])
