// Who holds a role's lock: what an operator is told who asked another replica.
import pg from 'pg'

const ANSWER_MS = 1_500

/**
 * The process that holds the lock of that name, as `<pid>@<host>`; undefined when none does, or the database does not say.
 */
export async function holderOf(url: string, name: string): Promise<string | undefined> {
  const session = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: ANSWER_MS,
    query_timeout: ANSWER_MS,
  })
  session.on('error', () => undefined)
  try {
    await session.connect()
    const { rows } = await session.query<{ held_by: string }>(HOLDER, [name])
    return rows[0]?.held_by.split(' ').at(-1)
  } catch {
    return undefined
  } finally {
    await session.end().catch(() => undefined)
  }
}

/** A lock of one number has its halves in two columns. */
const HOLDER = `
  select a.application_name as held_by
  from pg_locks l join pg_stat_activity a on a.pid = l.pid
  where l.locktype = 'advisory' and l.granted and l.objsubid = 1
    and l.database = (select oid from pg_database where datname = current_database())
    and (l.classid::bigint << 32) | l.objid::bigint = hashtextextended($1, 0)`
