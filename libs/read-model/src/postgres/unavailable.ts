// Which errors of PostgreSQL mean that it is away, and not that we asked for nonsense.
import pg from 'pg'
import { ReadModelUnavailable } from '../errors.js'

/** By the first characters of the SQLSTATE (PostgreSQL's documentation, appendix A). */
const AWAY = [
  '08', // connection exception
  '25P', // the transaction was ended for being idle, or had failed
  '28', // login refused
  '3D', // no such database
  '3F', // no such schema: its version was dropped
  '40', // deadlock
  '42501', // not allowed
  '42P01', // no such table: its version was dropped
  '53', // out of connections, memory or disk
  '55', // a lock was not to be had
  '57', // shut down, starting, or out of time
  '58', // its disk fails
  'XX', // it is damaged
]

/** The error as callers are told of it. */
export function translated(error: unknown): unknown {
  if (error instanceof ReadModelUnavailable) return error
  const { message } = error as Error
  if (error instanceof pg.DatabaseError)
    return AWAY.some((beginning) => error.code?.startsWith(beginning))
      ? new ReadModelUnavailable(message, error)
      : error
  // What the driver throws itself: the connection broke, or the answer did not come in time.
  if (error instanceof TypeError || error instanceof RangeError) return error
  return new ReadModelUnavailable(message || (error as { code?: string }).code || 'no connection', error)
}

/** Whether the connection that the error came over can be used again. */
export const isUsable = (error: unknown): boolean => {
  if (!(error instanceof pg.DatabaseError)) return error instanceof TypeError || error instanceof RangeError
  return error.severity === 'ERROR'
}
