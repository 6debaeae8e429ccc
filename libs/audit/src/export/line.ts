// A line of an export: one CloudEvent in JSON, and at its end a hash that chains it to all lines before it. Storage
// format: a file that was exported once is imported for ever, so a change counts FORMAT up.
import { createHash } from 'node:crypto'
import type { EventText } from '@assistant-ledger/event-log'
import { AlteredLog } from '../backup/check.js'

/** Of the files, in their first line. */
export const FORMAT = 1

/** The first line's type, and the last one's. */
export const BEGUN = 'ExportBegun'
export const ENDED = 'ExportEnded'

/** Which events an export has. Absent: all. */
export interface Selection {
  /** Ids of assistants: their events and those of who ran them. */
  readonly assistants?: readonly string[]
  /** Graphs: the assistants that were of one at any time, and what was registered of the graph itself. */
  readonly graphs?: readonly string[]
  /** Positions: events after the one, and up to the other. */
  readonly since?: string
  readonly until?: string
}

/** What the first line says. */
export interface Begun {
  readonly format: number
  readonly project: string
  readonly log_id: string
  readonly epoch: number
  /** The last position that the file may have. */
  readonly through: string
  readonly selection: Selection
}

/** What the last line says: a file without it was cut. */
export interface Ended {
  /** Lines between the first and the last. */
  readonly events: number
  /** Position of the last of them; "0" when there is none. */
  readonly position: string
  /** The chain up to the last of them. */
  readonly chain: string
}

/** What the first line is chained to. */
export const NO_CHAIN = '0'.repeat(64)

const CHAIN_FIELD = ',"ledgerchain":"'
/** Characters of a line's end: the field, the hash, the closing quote and brace. */
const CHAIN_END = CHAIN_FIELD.length + 64 + 2

/** Closes a line: its hash is over the hash of the line before it and everything before its own. */
export function chained(text: string, previous: string): { readonly line: string; readonly chain: string } {
  const chain = createHash('sha256').update(previous).update(text, 'utf8').digest('hex')
  return { line: `${text}${CHAIN_FIELD}${chain}"}\n`, chain }
}

/** What a line (without its end of line) was chained with; undefined when it ends otherwise. */
export function chainOf(
  line: string,
  previous: string,
): { readonly chain: string; readonly expected: string } | undefined {
  const at = line.length - CHAIN_END
  if (at < 0 || !line.startsWith(CHAIN_FIELD, at) || !line.endsWith('"}')) return undefined
  const expected = createHash('sha256').update(previous).update(line.slice(0, at), 'utf8').digest('hex')
  return { chain: line.slice(-66, -2), expected }
}

/**
 * The line of an event, without its chain. Data go in as the text that they are stored as.
 * @throws AlteredLog what is stored is not JSON, and would make a line that nobody can read
 */
export function eventLine(event: EventText, source: string): string {
  const { stream, revision, position, id, type, data, metadata } = event
  const { at, $correlationId } = objectIn(metadata, event) as { at?: string; $correlationId?: string }
  objectIn(data, event)
  const dash = stream.indexOf('-')
  const subject = dash < 0 ? stream.slice(stream.indexOf('.') + 1) : stream.slice(dash + 1)
  return (
    `{"specversion":"1.0","id":${text(id)},"source":${text(source)},"type":${text(type)},"subject":${text(subject)}` +
    `${at === undefined ? '' : `,"time":${text(at)}`},"datacontenttype":"application/json"` +
    `${$correlationId === undefined ? '' : `,"correlationid":${text($correlationId)}`}` +
    `,"ledgerstream":${text(stream)},"ledgerrevision":"${revision}","ledgerposition":"${position}"` +
    `,"ledgermetadata":${text(metadata)},"data":${data}`
  )
}

/** The first or the last line, without its chain. */
export function frameLine(
  type: typeof BEGUN | typeof ENDED,
  data: Begun | Ended,
  about: { readonly id: string; readonly source: string; readonly time: string },
): string {
  const event = { specversion: '1.0', ...about, type, datacontenttype: 'application/json', data }
  return JSON.stringify(event).slice(0, -1)
}

export const sourceOf = (project: string): string => `/assistant-ledger/${project}`

const text = (value: string): string => JSON.stringify(value)

function objectIn(json: string, { stream, revision }: EventText): object {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {}
  // What is JSON with a line break in it would be two lines.
  if (typeof value === 'object' && value !== null && !json.includes('\n')) return value
  throw new AlteredLog(`event ${revision} of stream ${stream}: it is not JSON`)
}
