// A point in an assistant's life, as people write it: a version, an environment, a time or a position of the log.
import { HISTORY_LIMITS } from './limits.js'

export type Point =
  /** Without a generation: of the present life, or of the last one where there is none. */
  | { readonly type: 'version'; readonly version: number; readonly generation?: number }
  /** What the environment points to now. */
  | { readonly type: 'environment'; readonly environment: string }
  | Moment

/** A time (as recorded, so that text order is time order) or a position: everything up to it has happened, itself included. */
export type Moment =
  | { readonly type: 'time'; readonly at: string }
  | { readonly type: 'position'; readonly position: bigint }

const VERSION = /^(?:([1-9]\d{0,14})\.)?([1-9]\d{0,14})$/
const POSITION = /^\d{1,20}$/
// In a query string a plus sign that was not encoded arrives as a space.
const TIME = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(?:[Zz]|([+ -])(\d\d):?(\d\d))$/
/** An environment's name, unless it looks like a version or a time that is none. */
const NAME = /^(?![\d.]+$)(?!\d{4}-\d\d-\d\d[Tt])[\x21-\x7e]+$/

/** What {@link parsePoint} takes, for those who refuse something else. */
export const POINT_FORMS =
  'a version (3, or 2.3 with its generation), an environment (live), a time in ISO form with its offset, or a position (@123)'

/**
 * Reads `3`, `2.3`, `live`, `2026-01-31T12:00:00Z` or `@123`. Digits are a version, whatever environments are called.
 * @returns undefined for what is no point
 */
export function parsePoint(text: string): Point | undefined {
  if (text.length > HISTORY_LIMITS.point) return undefined
  const [, generation, version] = VERSION.exec(text) ?? []
  if (version !== undefined)
    return {
      type: 'version',
      version: Number(version),
      ...(generation === undefined ? {} : { generation: Number(generation) }),
    }
  if (text.startsWith('@')) return positionIn(text.slice(1))
  const at = parseTime(text)
  if (at !== undefined) return { type: 'time', at }
  return NAME.test(text) ? { type: 'environment', environment: text } : undefined
}

/** Reads a time, or a position as the decimal that answers name it by (with or without its `@`). */
export function parseMoment(text: string): Moment | undefined {
  const at = parseTime(text)
  return at === undefined ? positionIn(text.replace(/^@/, '')) : { type: 'time', at }
}

/** The text that {@link parsePoint} reads as the same point. */
export function printPoint(point: Point): string {
  switch (point.type) {
    case 'version':
      return point.generation === undefined ? `${point.version}` : `${point.generation}.${point.version}`
    case 'environment':
      return point.environment
    case 'time':
      return point.at
    case 'position':
      return `@${point.position}`
    default:
      return point satisfies never
  }
}

const positionIn = (text: string): Moment | undefined =>
  POSITION.test(text) ? { type: 'position', position: BigInt(text) } : undefined

/** A time in ISO form, as it is recorded: in UTC, with microseconds. */
export function parseTime(text: string): string | undefined {
  const [, day, time, fraction = '', sign, hours, minutes] = TIME.exec(text) ?? []
  if (day === undefined || time === undefined) return undefined
  const offset = sign === undefined ? 0 : (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1)
  const milliseconds = Date.parse(`${day}T${time}Z`)
  // Date.parse takes the 31st of any month for the next month's 1st.
  if (Number.isNaN(milliseconds) || !new Date(milliseconds).toISOString().startsWith(`${day}T`))
    return undefined
  const inUtc = new Date(milliseconds - offset * 60_000)
  if (Number.isNaN(inUtc.getTime()) || !/^\d{4}-/.test(inUtc.toISOString())) return undefined
  return `${inUtc.toISOString().slice(0, 19)}.${fraction.padEnd(6, '0')}+00:00`
}
