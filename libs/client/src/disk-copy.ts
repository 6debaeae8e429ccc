// Keeps the disk copy of what is followed: read once at the start, written soon after each swap, and never in the way
// of one. Whatever goes wrong with it is said, and the client goes on without.
import { setTimeout as delay } from 'node:timers/promises'
import { CacheLost, CorruptCache, DiskCache } from './cache.js'
import type { Checkpoint } from './checkpoint.js'
import type { Emitter } from './emitter.js'
import type { CacheState, FollowEvents } from './events.js'
import type { GraphFollower } from './graph-follower.js'
import type { Holdings } from './holdings.js'

/** Swaps within this time are written together: no longer, since a swap is reported once it is on disk. */
const WRITE_DELAY_MS = 5
/** Nobody waits longer for a disk that hangs. */
const WRITTEN_WITHIN_MS = 5_000

export interface DiskCopyOptions {
  readonly dir: string | undefined
  readonly project: string
  readonly environment: string
  readonly holdings: Holdings
  readonly events: Emitter<FollowEvents>
}

export class DiskCopy {
  readonly #options: DiskCopyOptions
  readonly #dirty = new Set<GraphFollower>()
  #cache: DiskCache | undefined
  #status: { state: CacheState; detail: string } = { state: 'none', detail: 'no cacheDir' }
  #writing: Promise<void> = Promise.resolve()
  /** The write that has yet to begin, and has everything that is held when it does. */
  #next: Promise<void> | undefined
  /** What the last write took. */
  #tookMs = 0
  /** The one that has yet to be written, and the writing of those before it. */
  #unwritten: Checkpoint | undefined
  #writingCheckpoints: Promise<void> = Promise.resolve()
  #closed = false
  /** What was on disk when it was loaded. */
  checkpoint: Checkpoint | undefined

  constructor(options: DiskCopyOptions) {
    this.#options = options
  }

  get status(): { readonly state: CacheState; readonly detail: string } {
    return { ...this.#status }
  }

  /** Puts what is on disk into the holdings. @returns the number of graphs that there was a copy of */
  async load(followers: readonly GraphFollower[]): Promise<number> {
    const { dir, project, environment, holdings } = this.#options
    if (dir === undefined) return 0
    const { cache, state, detail } = await DiskCache.open(dir, { project, environment })
    this.#cache = cache
    this.#say(state, detail)
    if (!cache) return 0
    try {
      this.checkpoint = await cache.readCheckpoint()
    } catch (error) {
      this.#say(error instanceof CorruptCache ? 'corrupt' : 'failed', (error as Error).message)
    }
    let found = 0
    for (const follower of followers) {
      try {
        const copy = await cache.read(follower.graph)
        if (!copy) continue
        follower.reached = copy.reached
        follower.fromDiskAt = performance.now()
        const { logId } = copy.reached
        for (const [key, value] of copy.values) await holdings.offer(() => logId, key, value, 'disk')
        found++
      } catch (error) {
        this.#say(error instanceof CorruptCache ? 'corrupt' : 'failed', (error as Error).message)
      }
    }
    return found
  }

  /**
   * What is held of a graph has changed. Settles, and never fails, when that is on disk, or will not be: there is no
   * disk copy, or it cannot be written, or not in time.
   */
  async changed(follower: GraphFollower): Promise<void> {
    if (!this.#cache || this.#closed) return
    this.#dirty.add(follower)
    this.#next ??= this.#writeSoon()
    await this.#next
  }

  /** Puts a checkpoint in place of the one on disk; one that comes while another is written takes the place of that. */
  keepCheckpoint(checkpoint: Checkpoint): void {
    if (!this.#cache || this.#closed) return
    const waits = this.#unwritten !== undefined
    this.#unwritten = checkpoint
    if (!waits) this.#writingCheckpoints = this.#writingCheckpoints.then(() => this.#writeCheckpoint())
  }

  async #writeCheckpoint(): Promise<void> {
    const [cache, checkpoint] = [this.#cache, this.#unwritten]
    this.#unwritten = undefined
    if (!cache || !checkpoint) return
    try {
      await cache.writeCheckpoint(checkpoint)
    } catch (error) {
      if (error instanceof CacheLost) await this.#lose(cache, error)
      else this.#say('failed', (error as Error).message)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    const written = Promise.all([this.#next ?? this.#writing, this.#writingCheckpoints])
    await written
    await this.#cache?.close()
  }

  #writeSoon(): Promise<void> {
    // A copy that takes long to write is written at most half of the time.
    const pause = Math.max(WRITE_DELAY_MS, this.#tookMs)
    const written = Promise.all([delay(pause), this.#writing]).then(() => {
      this.#next = undefined
      const began = performance.now()
      this.#writing = this.#write().finally(() => {
        this.#tookMs = performance.now() - began
      })
      return this.#writing
    })
    return Promise.race([written, delay(WRITTEN_WITHIN_MS, undefined, { ref: false })])
  }

  async #write(): Promise<void> {
    const cache = this.#cache
    if (!cache) return
    for (const follower of [...this.#dirty]) {
      this.#dirty.delete(follower)
      const { graph, prefix, reached } = follower
      if (!reached) continue
      const held = this.#options.holdings.valuesUnder(prefix)
      const values = [...held].filter(([, value]) => value.logId === reached.logId)
      try {
        await cache.write(graph, { reached, values: new Map(values) })
        this.#say('ok', this.#options.dir ?? '')
      } catch (error) {
        if (error instanceof CacheLost) return this.#lose(cache, error)
        this.#say('failed', (error as Error).message)
      }
    }
  }

  /** For good: whoever has the directory now goes on having it. */
  async #lose(cache: DiskCache, { message }: CacheLost): Promise<void> {
    this.#cache = undefined
    await cache.close()
    this.#say('locked', message)
  }

  #say(state: CacheState, detail: string): void {
    const before = this.#status.state
    this.#status = { state, detail }
    if (state === before) return
    this.#options.events.emit('cache', { state, detail })
    if (state !== 'ok') process.emitWarning(`assistants: ${detail}`)
  }
}
