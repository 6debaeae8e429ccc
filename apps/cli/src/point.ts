// A point in an assistant's life as a person writes it, made into what the service reads: `3`, `2.3`, `staging`,
// `@4711`, an ISO time, "2 hours ago".
import { readTime } from './time.js'

const VERSION_OR_POSITION = /^(?:@\d{1,20}|(?:[1-9]\d*\.)?[1-9]\d*)$/
/** One word that begins like a date, or means a day, is a time; any other one is an environment. */
const TIME_WORD = /^(?:\d{4}-\d{2}-\d{2}.*|now|today|yesterday)$/i

/** @throws Failure for several words that are no time */
export async function readPoint(text: string): Promise<string> {
  const written = text.trim()
  if (VERSION_OR_POSITION.test(written)) return written
  return /\s/.test(written) || TIME_WORD.test(written) ? readTime(written) : written
}

export const POINT_HELP = `A point is a version (3, or 1.3 of the first life), an environment (its version now), a position
of the log (@4711), or a time (ISO, or words such as "2 hours ago").`
