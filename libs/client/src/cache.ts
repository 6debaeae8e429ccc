// The last known good on disk: one file a graph, checksummed, owner-only, replaced whole (write aside, fsync,
// rename). It is written after a swap and read once, at the start; what does not check is not used.
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type CacheLock, lockCache } from './cache-lock.js'
import { sha256 } from './canonical.js'
import { type Checkpoint, readCheckpoint, writtenCheckpoint } from './checkpoint.js'
import type { CacheState } from './events.js'
import { encodeToken } from './names.js'
import type { Reached } from './order.js'
import { type Configuration, readValue } from './value.js'

const FORMAT = 1
const ASIDE = '.tmp'

export interface CachedGraph {
  readonly reached: Reached
  readonly values: ReadonlyMap<string, Configuration>
}

export interface CacheScope {
  readonly project: string
  readonly environment: string
}

/** The copy does not match its checksum, or cannot be read as one. */
export class CorruptCache extends Error {
  override readonly name = 'CorruptCache'
}

/** The directory is another process's by now. */
export class CacheLost extends Error {
  override readonly name = 'CacheLost'
}

export class DiskCache {
  readonly #dir: string
  readonly #scope: CacheScope
  readonly #lock: CacheLock

  private constructor(dir: string, scope: CacheScope, lock: CacheLock) {
    this.#dir = dir
    this.#scope = scope
    this.#lock = lock
  }

  static async open(
    dir: string,
    scope: CacheScope,
  ): Promise<{ cache?: DiskCache; state: CacheState; detail: string }> {
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 })
      const lock = await lockCache(dir)
      if ('heldBy' in lock) {
        return {
          state: 'locked',
          detail: `${dir} is in use by ${lock.heldBy}; this client runs without a disk copy`,
        }
      }
      // Left by a process that died while it wrote: whoever has the lock is the only one that writes.
      const left = (await readdir(dir)).filter((name) => name.endsWith(ASIDE))
      await Promise.all(left.map((name) => rm(join(dir, name), { force: true })))
      return { cache: new DiskCache(dir, scope, lock), state: 'ok', detail: dir }
    } catch (error) {
      return { state: 'failed', detail: `${dir} cannot be used: ${(error as Error).message}` }
    }
  }

  /** @returns undefined when there is none @throws CorruptCache */
  async read(graph: string): Promise<CachedGraph | undefined> {
    const body = await this.#body(this.#file(graph), `the disk copy of graph ${graph}`)
    if (body === undefined) return undefined
    const { v, logId, epoch, position, values } = JSON.parse(body)
    if (v !== FORMAT) throw new CorruptCache(`the disk copy of graph ${graph} has the format ${v}`)
    const read = new Map<string, Configuration>()
    for (const [key, raw] of values as [string, unknown][]) {
      const value = readValue(key, Buffer.from(JSON.stringify(raw)))
      if (value.type !== 'live') throw new CorruptCache(`the disk copy of ${key} cannot be used`)
      read.set(key, value)
    }
    return { reached: { logId, epoch, position: BigInt(position) }, values: read }
  }

  /** The newest signed checkpoint that was kept. @throws CorruptCache */
  async readCheckpoint(): Promise<Checkpoint | undefined> {
    const what = 'the checkpoint on disk'
    const body = await this.#body(this.#checkpointFile, what)
    if (body === undefined) return undefined
    const { v, checkpoint } = JSON.parse(body)
    const read = v === FORMAT ? readCheckpoint(checkpoint) : undefined
    if (!read) throw new CorruptCache(`${what} cannot be read`)
    return read
  }

  /** @throws CacheLost */
  writeCheckpoint(checkpoint: Checkpoint): Promise<void> {
    const body = JSON.stringify({ v: FORMAT, checkpoint: writtenCheckpoint(checkpoint) })
    return this.#replace(this.#checkpointFile, body)
  }

  /**
   * Between the last look at the lock and the rename is a moment in which the lock may still be lost; the copy is whole
   * then too, and is the older one at most until the next swap of whoever has the lock.
   * @throws CacheLost
   */
  async write(graph: string, held: CachedGraph): Promise<void> {
    const { logId, epoch, position } = held.reached
    const values = [...held.values].map(([key, value]) => [key, this.#raw(value)])
    const body = JSON.stringify({ v: FORMAT, logId, epoch, position: String(position), values })
    await this.#replace(this.#file(graph), body)
  }

  /** What is under the checksum: the bytes which were written, so that they parse. */
  async #body(file: string, what: string): Promise<string | undefined> {
    let text: string
    try {
      text = await readFile(file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    const newline = text.indexOf('\n')
    const body = text.slice(newline + 1)
    if (text.slice(0, newline) !== sha256(body)) throw new CorruptCache(`${what} does not match its checksum`)
    return body
  }

  async #replace(file: string, body: string): Promise<void> {
    const aside = `${file}.${this.#lock.instance}${ASIDE}`
    await this.#needLock()
    const handle = await open(aside, 'w', 0o600)
    try {
      await handle.chmod(0o600)
      await handle.writeFile(`${sha256(body)}\n${body}`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await this.#needLock(aside)
    await rename(aside, file)
    const dir = await open(this.#dir, 'r')
    await dir.sync().finally(() => dir.close())
  }

  async #needLock(aside?: string): Promise<void> {
    if (await this.#lock.hold()) return
    if (aside !== undefined) await rm(aside, { force: true })
    throw new CacheLost(
      `${this.#dir} was taken over by another process; this client goes on without a disk copy`,
    )
  }

  close(): Promise<void> {
    return this.#lock.release()
  }

  get #checkpointFile(): string {
    return join(this.#dir, `${this.#scope.project}.checkpoint.json`)
  }

  #file(graph: string): string {
    const { project, environment } = this.#scope
    return join(this.#dir, `${project}.${encodeToken(environment)}.${encodeToken(graph)}.json`)
  }

  #raw(value: Configuration): Record<string, unknown> {
    return {
      v: FORMAT,
      log_id: value.logId,
      epoch: value.epoch,
      position: String(value.position),
      project: this.#scope.project,
      environment: this.#scope.environment,
      assistant_id: value.assistantId,
      generation: value.generation,
      version: value.version,
      revision: value.revision,
      content: value.content,
      contentHash: value.contentHash,
      promotedAt: value.promotedAt,
      promotedBy: value.promotedBy,
    }
  }
}
