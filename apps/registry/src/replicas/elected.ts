// Replicas on one PostgreSQL: each role is led by the one that holds its lock.
import { setTimeout as pause } from 'node:timers/promises'
import { PublisherFenced } from '@assistant-ledger/change-feed'
import { LogConflict, LogUnavailable } from '@assistant-ledger/event-log'
import { CheckpointMoved, ReadModelUnavailable } from '@assistant-ledger/read-model'
import { LIMITS } from '../limits.js'
import { say, warn } from '../lines.js'
import { AdvisoryLock } from './advisory-lock.js'
import type { Leadership, Role } from './lead.js'

/** Failures after which another replica may lead, or this one again: the lead was lost, or a part is away. */
const STEPS_BACK = [CheckpointMoved, PublisherFenced, LogConflict, LogUnavailable, ReadModelUnavailable] as const

export class Elected implements Leadership {
  readonly leading = new Set<Role>()

  /**
   * @param locks name of the lock of each role
   * @param replica what this process is called where an operator looks
   */
  constructor(
    private readonly url: string,
    private readonly locks: Readonly<Record<Role, string>>,
    private readonly replica: string,
  ) {}

  async lead(role: Role, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    let told = false
    while (!signal.aborted) {
      const session = `${role} ${this.replica}`
      const lock = await AdvisoryLock.take(this.url, this.locks[role], signal, session).catch((error: Error) => {
        if (!told) warn(`the lead of the ${role} waits for PostgreSQL: ${error.message}`)
        told = true
      })
      if (lock) {
        told = false
        await this.holding(role, lock, work, signal)
      }
      if (!signal.aborted) await pause(LIMITS.leadPause_ms, undefined, { signal }).catch(() => undefined)
    }
  }

  private async holding(
    role: Role,
    lock: AdvisoryLock,
    work: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { lost } = lock
    this.leading.add(role)
    say(`leads the ${role}`)
    try {
      await work(AbortSignal.any([signal, lost]))
      if (!signal.aborted && !lost.aborted) throw new Error(`the ${role} ended by itself`)
    } catch (error) {
      if (!lost.aborted && !STEPS_BACK.some((kind) => error instanceof kind)) throw error
      if (!lost.aborted) warn(`gives up the lead of the ${role}: ${(error as Error).message}`)
    } finally {
      this.leading.delete(role)
      await lock.release()
    }
    if (lost.aborted && !signal.aborted) warn(`lost the lead of the ${role}: ${(lost.reason as Error).message}`)
  }
}
