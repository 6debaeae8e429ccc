// What this worker holds, by assistant id: the one place where a swap happens, by assigning one reference. Values of
// all followed graphs come in here, each judged against the newest known of its assistant.
import type { Emitter } from './emitter.js'
import type { FollowEvents } from './events.js'
import { type Followed, makeFollowed, type Source } from './followed.js'
import { judge, type Known } from './order.js'
import { refusalOf, type Validate } from './validate.js'
import type { Configuration, Tombstone, Value } from './value.js'

interface Held {
  readonly key: string
  readonly followed: Followed
  readonly value: Configuration
}

/** An assistant that moved to another followed graph goes on being served until it is found there. */
interface Moved {
  readonly key: string
  readonly to: string
  readonly epoch: number
  readonly position: bigint
}

export interface HoldingsOptions {
  readonly environment: string
  readonly graphs: ReadonlySet<string>
  /** The only assistants to hold, all when undefined. */
  readonly wanted: ReadonlySet<string> | undefined
  readonly validate: Validate<Followed> | undefined
  readonly events: Emitter<FollowEvents>
}

export class Holdings {
  readonly #held = new Map<string, Held>()
  readonly #known = new Map<string, Known>()
  readonly #moved = new Map<string, Moved>()
  readonly #options: HoldingsOptions

  constructor(options: HoldingsOptions) {
    this.#options = options
  }

  get(id: string): Followed | undefined {
    return this.#held.get(id)?.followed
  }

  all(): Followed[] {
    return [...this.#held.values()].map((held) => held.followed)
  }

  /** What is held of a graph, for the disk. */
  valuesUnder(prefix: string): Map<string, Configuration> {
    const values = new Map<string, Configuration>()
    for (const { key, value } of this.#held.values()) if (key.startsWith(prefix)) values.set(key, value)
    return values
  }

  wants(id: string): boolean {
    return this.#options.wanted?.has(id) ?? true
  }

  /** Applies a value if it is news and passes its check. @returns whether what is held changed */
  async offer(logId: string, key: string, value: Value, source: Source): Promise<boolean> {
    if (!this.wants(value.assistantId)) return false
    if (judge(logId, this.#known.get(value.assistantId), value) !== 'apply') return false
    if (value.type !== 'live') return this.#bury(key, value)
    const { environment, validate } = this.#options
    const followed = makeFollowed({ ...value, environment, source })
    const before = this.#held.get(value.assistantId)
    const reason =
      source !== 'disk' && before?.followed.ref === followed.ref && before.followed.source === 'live'
        ? undefined
        : await refusalOf(validate, followed)
    this.#note(value, true)
    if (reason !== undefined) {
      this.reject(value.assistantId, followed.ref, reason)
      return false
    }
    this.#moved.delete(value.assistantId)
    this.#held.set(value.assistantId, { key, followed, value })
    if (before?.followed.ref !== followed.ref) {
      const { id } = followed
      this.#options.events.emit('reload', {
        id,
        from: before?.followed.ref,
        to: followed.ref,
        assistant: followed,
      })
    }
    return true
  }

  /** A value that could not even be read: what is held stays, and the same order may come again, repaired. */
  unusable(
    logId: string,
    id: string,
    order: { epoch: number; revision: number } | undefined,
    reason: string,
  ): void {
    if (!this.wants(id)) return
    if (order && judge(logId, this.#known.get(id), { logId, ...order }) !== 'apply') return
    this.reject(id, undefined, reason)
  }

  reject(id: string, refused: string | undefined, reason: string): void {
    this.#options.events.emit('rejected', { id, kept: this.get(id)?.ref, refused, reason })
  }

  /**
   * A watermark that may judge has the same keys as the bucket: what is held of this graph and is not among them
   * goes, and so does what moved here and is not here.
   */
  sweep(
    graph: string,
    prefix: string,
    has: (key: string) => boolean,
    mark: { epoch: number; position: bigint },
  ) {
    let changed = false
    for (const [id, { key }] of this.#held) {
      if (key.startsWith(prefix) && !has(key)) changed = this.#remove(id, 'unknown') || changed
    }
    for (const [id, move] of this.#moved) {
      const reached = mark.epoch > move.epoch || (mark.epoch === move.epoch && mark.position >= move.position)
      if (move.to === graph && reached && this.#held.get(id)?.key === move.key) {
        changed = this.#remove(id, 'moved') || changed
      }
    }
    return changed
  }

  #bury(key: string, value: Tombstone): boolean {
    // The graph that it moved to has a key with the same revision, which has to pass as news.
    this.#note(value, value.type !== 'moved')
    const held = this.#held.get(value.assistantId)
    if (held?.key !== key) return false
    if (value.type === 'moved' && value.to !== undefined && this.#options.graphs.has(value.to)) {
      const { epoch, position, to } = value
      this.#moved.set(value.assistantId, { key, to, epoch, position })
      return false
    }
    return this.#remove(value.assistantId, value.type)
  }

  #note(value: Value, usable: boolean): void {
    const { logId, epoch, revision } = value
    this.#known.set(value.assistantId, { logId, epoch, revision, usable })
  }

  #remove(id: string, reason: 'deleted' | 'moved' | 'unknown'): boolean {
    const held = this.#held.get(id)
    if (!held) return false
    this.#held.delete(id)
    this.#moved.delete(id)
    this.#options.events.emit('removed', { id, from: held.followed.ref, reason })
    return true
  }
}
