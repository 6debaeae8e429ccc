// A lock among processes: PostgreSQL's advisory lock, which goes with the session that holds it. A session ends when
// its process does, and, because of its idle timeout, soon after its process stands still or is cut off.
import pg from 'pg'
import { pause } from '../signals.js'

/** The database ends a session that says nothing for so long; PostgreSQL 14 and newer. */
const IDLE_TIMEOUT_MS = 3_000
/** Between two words of a holder. */
const HEARTBEAT_MS = 1_000
/** A holder whose word is not answered by then counts as cut off. */
const ANSWER_MS = 1_500
/** Between two attempts to take a lock that somebody holds. */
const ATTEMPT_EVERY_MS = 500
const CONNECT_MS = 2_000

/** The database cannot be reached, or its session ended while the lock was waited for. */
export class LockUnavailable extends Error {
  override readonly name = 'LockUnavailable'
}

export class AdvisoryLock {
  private readonly ended = new AbortController()
  private readonly beating: NodeJS.Timeout

  private constructor(private readonly session: pg.Client) {
    const lose = () => this.ended.abort(new Error('the lock was lost: its session with the database ended'))
    session.once('end', lose)
    session.on('error', lose)
    this.beating = setInterval(() => void session.query('select 1').catch(lose), HEARTBEAT_MS)
    this.ended.signal.addEventListener('abort', () => clearInterval(this.beating))
  }

  /**
   * Waits for the lock of that name in a session of its own.
   * @param as what the session is called in `pg_stat_activity`, where an operator sees who holds the lock
   * @returns undefined when the signal came first
   * @throws LockUnavailable
   */
  static async take(
    url: string,
    name: string,
    signal: AbortSignal,
    as = name,
  ): Promise<AdvisoryLock | undefined> {
    const session = new pg.Client({
      connectionString: url,
      application_name: as,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: ANSWER_MS,
    })
    // An error that comes between two queries has no other way out; the query that follows tells of it.
    session.on('error', () => undefined)
    try {
      await session.connect()
      await session.query(`set idle_session_timeout = ${IDLE_TIMEOUT_MS}`)
      while (!signal.aborted) {
        const { rows } = await session.query<{ taken: boolean }>(
          'select pg_try_advisory_lock(hashtextextended($1, 0)) as taken',
          [name],
        )
        if (rows[0]?.taken) return new AdvisoryLock(session)
        await pause(ATTEMPT_EVERY_MS, signal)
      }
    } catch (error) {
      await end(session)
      throw new LockUnavailable((error as Error).message, { cause: error })
    }
    await end(session)
    return undefined
  }

  /** Aborts when the lock is not this process's any more. */
  get lost(): AbortSignal {
    return this.ended.signal
  }

  /** Gives it to whoever waits. */
  async release(): Promise<void> {
    clearInterval(this.beating)
    await end(this.session)
  }
}

/** A session that does not say goodbye in time is left to the database, which ends it by itself. */
async function end(session: pg.Client): Promise<void> {
  const late = new AbortController()
  await Promise.race([session.end().catch(() => undefined), pause(ANSWER_MS, late.signal)])
  late.abort()
}
