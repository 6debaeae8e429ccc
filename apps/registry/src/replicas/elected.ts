// Replicas on one PostgreSQL: each role is led by the one that holds its lock.
import { PublisherFenced } from '@assistant-ledger/change-feed'
import { LogConflict, LogUnavailable } from '@assistant-ledger/event-log'
import { CheckpointMoved, ReadModelUnavailable, StreamUnreadable } from '@assistant-ledger/read-model'
import { LIMITS } from '../limits.js'
import { warn } from '../lines.js'
import { pause } from '../signals.js'
import { AdvisoryLock, LockUnavailable } from './advisory-lock.js'
import { type Leadership, Leading, type Role } from './lead.js'

/** Failures after which another replica may lead, or this one again: the lead was lost, or a part is away. */
const STEPS_BACK = [
  CheckpointMoved,
  LogConflict,
  LogUnavailable,
  PublisherFenced,
  ReadModelUnavailable,
  StreamUnreadable,
] as const

export class Elected implements Leadership {
  private readonly mine = new Leading()

  /**
   * @param locks name of the lock of each role
   * @param replica what this process is called where an operator looks
   */
  constructor(
    private readonly url: string,
    private readonly locks: Readonly<Record<Role, string>>,
    private readonly replica: string,
  ) {}

  get leading(): ReadonlySet<Role> {
    return this.mine.roles
  }

  async lead(role: Role, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const tell = onceEach()
    while (!signal.aborted) {
      try {
        const lock = await AdvisoryLock.take(this.url, this.locks[role], signal, `${role} ${this.replica}`)
        if (lock) await this.hold(role, lock, work, signal, tell)
      } catch (error) {
        if (!(error instanceof LockUnavailable)) throw error
        tell(`the lead of the ${role} waits for PostgreSQL: ${error.message}`)
      }
      await pause(LIMITS.leadPause_ms, signal)
    }
  }

  private async hold(
    role: Role,
    lock: AdvisoryLock,
    work: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
    tell: (line: string) => void,
  ): Promise<void> {
    const { lost } = lock
    try {
      await this.mine.during(role, () => work(AbortSignal.any([signal, lost])))
      if (!signal.aborted && !lost.aborted) throw new Error(`the ${role} ended by itself`)
    } catch (error) {
      // Whatever fails when the lead is lost fails because of that.
      if (!lost.aborted && !STEPS_BACK.some((kind) => error instanceof kind)) throw error
      if (!lost.aborted) tell(`gives up the lead of the ${role}: ${(error as Error).message}`)
    } finally {
      // Before the release, which ends the session too.
      if (lost.aborted && !signal.aborted)
        tell(`lost the lead of the ${role}: ${(lost.reason as Error).message}`)
      await lock.release()
    }
  }
}

/** Warns of what is new: a lead that comes and goes for one reason is told of once. */
function onceEach(): (line: string) => void {
  let last: string | undefined
  return (line) => {
    if (line !== last) warn(line)
    last = line
  }
}
