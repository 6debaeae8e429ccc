// The entry: starts from disk, connects, follows every graph, and tells in which state what is served is. All that a
// run needs is local by then; what became of it is reported beside, and never in its way.
import type { Absence } from './absences.js'
import { Checkpoints } from './checkpoint.js'
import { Connection } from './connection.js'
import { DiskCopy } from './disk-copy.js'
import { Emitter } from './emitter.js'
import { AssistantNotHeld, Closed } from './errors.js'
import type { FollowEvents, FollowState, FollowStatus, GraphStatus, Rejection } from './events.js'
import { type Followed, makeFollowed } from './followed.js'
import { GraphFollower } from './graph-follower.js'
import { Holdings } from './holdings.js'
import {
  type BundledContent,
  completed,
  type FollowOptions,
  type ReadOptions,
  readOptions,
} from './options.js'
import { PinnedVersions } from './pinned.js'
import { Reporting } from './reporting.js'
import { stateByAges, worstOf } from './state.js'

const TICK_MS = 1_000

/** The assistants of a worker; see `followAssistants`. */
export interface Assistants {
  /** Local and synchronous. @throws AssistantNotHeld */
  get(id: string): Followed
  find(id: string): Followed | undefined
  list(): readonly Followed[]
  /**
   * The very content that a reference names, whatever is live now: from here when it is held, else from the service.
   * @throws BadReference, PinnedNotFound, PinnedMismatch, PinnedUnavailable, Closed
   */
  pinned(ref: string): Promise<Followed>
  /** @returns a function that takes the listener off */
  on<Name extends keyof FollowEvents>(name: Name, listener: (event: FollowEvents[Name]) => void): () => void
  status(): FollowStatus
  /**
   * The last rejection of each assistant, since the start and before any listener; one goes when something of its
   * assistant is swapped in, or the assistant is gone. The oldest goes when there are more than 1,000.
   */
  rejections(): readonly Rejection[]
  /** Resolves with whether the state is `live` within this time. */
  live(timeoutMs: number): Promise<boolean>
  /**
   * Ends everything, once: consumers, connection, timers, the lock. What is held is on disk then, and reported as far
   * as NATS took it in half a second.
   */
  close(): Promise<void>
}

/**
 * Follows the assistants of whole graphs. Resolves when live; with a disk copy of every graph at once; otherwise after
 * `initTimeoutMs` with what there is, going on to try for ever.
 * @throws BadOption
 */
export async function followAssistants(options: FollowOptions): Promise<Assistants> {
  const following = new Following(readOptions(options))
  await following.start()
  return following
}

class Following implements Assistants {
  readonly #options: ReadOptions
  readonly #events = new Emitter<FollowEvents>()
  readonly #holdings: Holdings
  readonly #bundled: ReadonlyMap<string, Followed>
  readonly #pinned: PinnedVersions
  readonly #followers: readonly GraphFollower[]
  readonly #disk: DiskCopy
  readonly #checkpoints: Checkpoints
  readonly #reporting: Reporting
  #connection: Connection | undefined
  #state: FollowState = 'starting'
  #since = performance.now()
  #lastError: string | undefined
  #ticking: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  constructor(options: ReadOptions) {
    this.#options = options
    const { project, environment, inboxPrefix, graphs, assistants, validate, bundled } = options
    const onError = (error: unknown) => this.#failed(error)
    this.#reporting = new Reporting({
      of: options,
      events: this.#events,
      saved: async (graph) => {
        const follower = this.#followers.find((one) => one.graph === graph)
        if (follower) await this.#disk.changed(follower)
      },
      condition: () => ({
        state: this.#state,
        ageMs: performance.now() - this.#since,
        checkpoint: this.#checkpoints.newest,
      }),
      onError,
    })
    const holdings = new Holdings({
      environment,
      graphs: new Set(graphs),
      wanted: assistants && new Set(assistants),
      validate,
      events: this.#events,
      reports: this.#reporting.reports,
    })
    this.#holdings = holdings
    this.#disk = new DiskCopy({ dir: options.cacheDir, project, environment, holdings, events: this.#events })
    this.#checkpoints = new Checkpoints(this.#events, (checkpoint) => this.#disk.keepCheckpoint(checkpoint))
    this.#bundled = readBundled(bundled ?? {}, environment)
    this.#pinned = new PinnedVersions({ project, environment, connection: () => this.#connection?.nc })
    this.#followers = graphs.map((graph) => {
      const follower: GraphFollower = new GraphFollower({
        project,
        environment,
        graph,
        inboxPrefix,
        holdings,
        onChange: (changed) => {
          if (changed === 'held') void this.#disk.changed(follower)
          else this.#setState()
        },
        onCheckpoint: (checkpoint) => this.#checkpoints.offer(checkpoint),
        onError,
        onHalfOpen: () => this.#connection?.breakOff(),
      })
      return follower
    })
  }

  async start(): Promise<void> {
    const { servers, runner, inboxPrefix, nats, initTimeoutMs } = this.#options
    const copies = await this.#disk.load(this.#followers)
    const { checkpoint } = this.#disk
    if (checkpoint) this.#checkpoints.restore(checkpoint)
    this.#setState()
    const forAll = (act: (follower: GraphFollower) => unknown) => {
      for (const follower of this.#followers) act(follower)
    }
    this.#connection = new Connection(
      {
        ...nats,
        servers: typeof servers === 'string' ? servers.split(',') : [...servers],
        name: `runner-${runner.name}`,
        inboxPrefix,
      },
      {
        onConnected: (nc) => {
          forAll((follower) => follower.attach(nc))
          this.#reporting.attach(nc)
        },
        onReconnected: (nc) => {
          forAll((follower) => follower.reconnected())
          this.#reporting.attach(nc)
        },
        onDisconnected: () => {
          this.#reporting.detach()
          this.#setState()
        },
        onError: (error) => this.#failed(error),
      },
    )
    this.#ticking = setInterval(() => {
      const connected = this.#connection?.nc !== undefined
      forAll((follower) => follower.tick(performance.now(), connected))
      this.#setState()
    }, TICK_MS)
    if (copies < this.#followers.length) await this.live(initTimeoutMs)
    this.#reporting.started()
  }

  get(id: string): Followed {
    const found = this.find(id)
    if (found) return found
    const { reason, detail } = this.#holdings.whyNot(id.toLowerCase()) ?? this.#unknown()
    throw new AssistantNotHeld(id, reason, detail)
  }

  #unknown(): Absence {
    const { graphs, environment } = this.#options
    return this.#state === 'live'
      ? { reason: 'not-published', detail: `no graph of ${graphs.join(', ')} has it in ${environment}` }
      : { reason: 'not-confirmed', detail: `this client is ${this.#state}` }
  }

  find(id: string): Followed | undefined {
    const key = id.toLowerCase()
    return this.#holdings.get(key) ?? this.#bundled.get(key)
  }

  list(): readonly Followed[] {
    const held = this.#holdings.all()
    const ids = new Set(held.map(({ id }) => id))
    return [...held, ...[...this.#bundled.values()].filter(({ id }) => !ids.has(id))]
  }

  async pinned(ref: string): Promise<Followed> {
    if (this.#closing) throw new Closed()
    return this.#pinned.get(ref, (id) => this.#holdings.get(id))
  }

  on<Name extends keyof FollowEvents>(name: Name, listener: (event: FollowEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  status(): FollowStatus {
    const now = performance.now()
    return {
      state: this.#state,
      ageMs: now - this.#since,
      connected: this.#connection?.nc !== undefined,
      held: this.#holdings.all().length,
      graphs: this.#followers.map((follower) => this.#statusOf(follower, now)),
      cache: this.#disk.status,
      checkpoint: this.#checkpoints.newest,
      checkpointContradiction: this.#checkpoints.contradiction,
      instance: this.#reporting.instance,
      reports: this.#reporting.reports.counts,
      descriptors: this.#reporting.descriptors,
      lastError: this.#lastError,
    }
  }

  rejections(): readonly Rejection[] {
    return this.#holdings.rejections
  }

  live(timeoutMs: number): Promise<boolean> {
    if (this.#state === 'live') return Promise.resolve(true)
    return new Promise((resolve) => {
      const settle = (live: boolean) => {
        clearTimeout(timer)
        off()
        resolve(live)
      }
      const timer = setTimeout(settle, timeoutMs, false)
      const off = this.on('state', ({ to }) => to === 'live' && settle(true))
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #end(): Promise<void> {
    clearInterval(this.#ticking)
    // No swap begins from here on: what goes to the disk now, and is reported then, is the last.
    const unfollowed = Promise.all(this.#followers.map((follower) => follower.close()))
    await this.#disk.close()
    await this.#reporting.close()
    await unfollowed
    await this.#connection?.close()
    this.#events.clear()
  }

  #failed(error: unknown): void {
    this.#lastError = error instanceof Error ? error.message : String(error)
  }

  #setState(): void {
    const now = performance.now()
    const states = this.#followers.map((follower) => this.#stateOf(follower, now))
    const to = worstOf(states)
    const from = this.#state
    if (to === from || this.#closing) return
    this.#state = to
    this.#since = now
    this.#events.emit('state', { from, to })
    this.#reporting.stateChanged()
  }

  #stateOf(follower: GraphFollower, now: number): FollowState {
    const { confirmedAt, fromDiskAt } = follower
    const age = (at: number | undefined) => (at === undefined ? undefined : now - at)
    return stateByAges({ confirmedMs: age(confirmedAt), diskMs: age(fromDiskAt) })
  }

  #statusOf(follower: GraphFollower, now: number): GraphStatus {
    const { graph, confirmedAt, reached, keys } = follower
    return {
      graph,
      state: this.#stateOf(follower, now),
      confirmedAgeMs: confirmedAt === undefined ? undefined : now - confirmedAt,
      keys,
      position: reached && String(reached.position),
      epoch: reached?.epoch,
    }
  }
}

export function readBundled(
  bundled: Readonly<Record<string, BundledContent>>,
  environment: string,
): ReadonlyMap<string, Followed> {
  return new Map(
    Object.entries(bundled).map(([id, given]) => {
      const content = completed(given)
      const parts = { assistantId: id.toLowerCase(), generation: 1, version: 1, content, environment }
      return [parts.assistantId, makeFollowed({ ...parts, source: 'bundled' })]
    }),
  )
}
