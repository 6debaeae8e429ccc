// One process a cache directory: a lock file with who holds it, touched while held, so that the lock of a process
// that died, or of another machine that is gone, is taken over.
import { randomUUID } from 'node:crypto'
import { link, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'

const LOCK = 'lock'
const TOUCH_EVERY_MS = 5_000
/** A lock that nobody touched for so long has no holder. */
export const LOCK_STALE_MS = 30_000

interface Holder {
  readonly instance: string
  readonly pid: number
  readonly host: string
}

/** This process's own locks: its pid alone does not say that a lock with it is from an earlier process. */
const ours = new Set<string>()

export interface CacheLock {
  /** Random, this holder's alone. */
  readonly instance: string
  /**
   * False once it was taken over, as from a process that was suspended for so long that nobody touched the lock. One
   * that is gone is taken again.
   * @throws when the directory cannot be written
   */
  hold(): Promise<boolean>
  release(): Promise<void>
}

/** @returns the lock, or who has it */
export async function lockCache(dir: string): Promise<CacheLock | { heldBy: string }> {
  const file = join(dir, LOCK)
  const me: Holder = { instance: randomUUID(), pid: process.pid, host: hostname() }
  const mine = `${file}.${me.instance}`
  await writeFile(mine, JSON.stringify(me), { mode: 0o600 })
  ours.add(me.instance)
  try {
    if (!(await claim(mine, file))) {
      const holder = await holderOf(file)
      if (holder && (await isAlive(holder, file))) return refuse(me, holder)
      // Only one of several that find it abandoned can rename it away; the others then find the new one.
      await rename(file, `${mine}.old`).catch(ignoreMissing)
      await unlink(`${mine}.old`).catch(ignoreMissing)
      if (!(await claim(mine, file))) return refuse(me, await holderOf(file))
    }
  } finally {
    await unlink(mine).catch(ignoreMissing)
  }
  const isHeld = async () => (await holderOf(file))?.instance === me.instance
  const takeAgain = async () => {
    await writeFile(mine, JSON.stringify(me), { mode: 0o600 })
    return claim(mine, file).finally(() => unlink(mine).catch(ignoreMissing))
  }
  const touch = setInterval(async () => {
    // Another's lock is not kept alive for it.
    if (!(await isHeld())) return
    const now = new Date()
    await utimes(file, now, now).catch(() => undefined)
  }, TOUCH_EVERY_MS)
  touch.unref()
  return {
    instance: me.instance,
    hold: async () => (await isHeld()) || (!(await holderOf(file)) && (await takeAgain())),
    async release() {
      clearInterval(touch)
      ours.delete(me.instance)
      if (await isHeld()) await unlink(file).catch(ignoreMissing)
    },
  }
}

/** A link appears whole or not at all, and never over another. */
async function claim(mine: string, file: string): Promise<boolean> {
  try {
    await link(mine, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function refuse(me: Holder, holder: Holder | undefined): { heldBy: string } {
  ours.delete(me.instance)
  return { heldBy: holder ? `process ${holder.pid} on ${holder.host}` : 'another process' }
}

async function holderOf(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch {
    return undefined
  }
}

async function isAlive(holder: Holder, file: string): Promise<boolean> {
  if (holder.host === hostname()) {
    if (holder.pid === process.pid) return ours.has(holder.instance)
    try {
      process.kill(holder.pid, 0)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    }
  }
  const touched = await stat(file).then(
    (found) => found.mtimeMs,
    () => 0,
  )
  return Date.now() - touched < LOCK_STALE_MS
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
