// Times as people write and read them.
import { usage } from './failure.js'

const ISO = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?\s*(?:Z|[+-]\d{2}:?\d{2})?)?$/i
const HAS_ZONE = /(?:Z|[+-]\d{2}:?\d{2})$/i

/** No time takes more to say, and whoever reads English takes long for what is longer. */
const LONGEST = 100

const UNITS = [
  ['year', 365.25 * 86_400],
  ['month', 30.4375 * 86_400],
  ['week', 7 * 86_400],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const satisfies readonly (readonly [Intl.RelativeTimeFormatUnit, number])[]

/**
 * Reads a time: ISO 8601 (`2026-03-01`, `2026-03-01T12:00Z`; without a zone it is UTC, as everything recorded is), or
 * words in English (`2 hours ago`, `yesterday at 14:00`), which are meant in the zone of this machine.
 * @returns ISO 8601 in UTC, to the microsecond where it was written so
 * @throws Failure for what is no time
 */
export async function readTime(text: string, now: Date = new Date()): Promise<string> {
  const written = text.trim()
  if (written.length > LONGEST) throw noTime(`${written.slice(0, LONGEST)}…`)
  if (ISO.test(written)) return isoOf(written, text)
  const { parse } = await import('chrono-node')
  const [found, more] = parse(written, now)
  // A part that was not understood would be a time that nobody meant.
  if (found === undefined || more !== undefined || found.text.length !== written.length) throw noTime(text)
  return found.date().toISOString()
}

/** How long ago, or in how long, in words: `2 hours ago`, `in 5 minutes`, `now`. */
export function relative(time: string | Date, now: Date = new Date()): string {
  const seconds = (new Date(time).getTime() - now.getTime()) / 1000
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ['second', 1]
  return WORDS.format(Math.trunc(seconds / size), unit)
}

/** A duration in milliseconds for people: `240 ms`, `1.3 s`, `4 min`, `2 h`, `3 days`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1_000
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3_600)} h`
  return `${Math.floor(seconds / 86_400)} days`
}

const WORDS = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

function isoOf(written: string, text: string): string {
  const full = written.replace(/^(\d{4}-\d{2}-\d{2})[ t]/i, '$1T').replace(/\s+/g, '')
  const zoned = !full.includes('T') ? `${full}T00:00Z` : HAS_ZONE.test(full) ? full : `${full}Z`
  const date = new Date(zoned)
  // Of the 30th of February Date makes the 2nd of March.
  const day = zoned.slice(0, 10)
  const isDay = new Date(`${day}T00:00Z`).toJSON()?.startsWith(day)
  if (Number.isNaN(date.getTime()) || !isDay) throw noTime(text)
  // What is recorded is to the microsecond: a time copied from there must come back as it was.
  const fine = /\.\d{3}(\d{1,3})\d*/.exec(zoned)?.[1]
  const iso = date.toISOString()
  return fine === undefined ? iso : iso.replace('Z', `${fine.padEnd(3, '0')}Z`)
}

const noTime = (text: string) =>
  usage(
    `${JSON.stringify(text)} is no time; write it as 2026-03-01T12:00Z, "2 hours ago" or "yesterday at 14:00"`,
  )
