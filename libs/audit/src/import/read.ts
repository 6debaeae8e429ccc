// An export read back, line by line: each is checked against the one before it, and each event against its own hashes,
// before anybody gets to see it.
import { sealFault } from '@assistant-ledger/assistant'
import type { ExportStanding } from '../export/export.js'
import { BEGUN, type Begun, chainOf, ENDED, type Ended, FORMAT, NO_CHAIN, sourceOf } from '../export/line.js'
import { isOf } from '../export/select.js'
import { StreamTable } from '../stream-table.js'
import { AlteredExport } from './altered.js'
import { linesOf } from './lines.js'

/** An event of an export, as it was recorded. */
export interface ExportedEvent {
  readonly stream: string
  readonly revision: number
  readonly position: string
  readonly id: string
  readonly type: string
  readonly data: unknown
  readonly metadata: unknown
}

export type ExportItem =
  | { readonly type: 'begun'; readonly begun: Begun }
  /** `first`: the first one of its stream in this file; `line`: where it is, from 1. */
  | { readonly type: 'event'; readonly event: ExportedEvent; readonly first: boolean; readonly line: number }
  | { readonly type: 'ended'; readonly ended: Ended }

/**
 * Yields what an export says.
 * @throws AlteredExport it was altered, cut or put in another order
 */
export async function* readExport(pieces: AsyncIterable<Buffer>): AsyncGenerator<ExportItem> {
  const reader = new ExportReader()
  try {
    for await (const { text } of linesOf(pieces)) yield reader.take(text)
  } catch (error) {
    throw readFault(error, reader.lines)
  }
  if (!reader.ended)
    throw new AlteredExport(
      `the file was cut after line ${reader.lines}: its last line is missing. Export it again`,
    )
}

/** How far the whole lines of an unfinished export go, without the line that ends it. */
export interface Unfinished {
  readonly standing: ExportStanding
  /** Bytes of these lines. */
  readonly bytes: number
  /** Whether the line that ends it is there too. */
  readonly ended: boolean
}

/**
 * Where an export that was broken off can go on; undefined where not even its first line is whole.
 * @throws AlteredExport one of its whole lines was altered
 */
export async function unfinishedExport(pieces: AsyncIterable<Buffer>): Promise<Unfinished | undefined> {
  const reader = new ExportReader()
  let found: Omit<Unfinished, 'ended'> | undefined
  try {
    for await (const { text, through } of linesOf(pieces)) {
      reader.take(text)
      const { begun, events, position, chain } = reader
      if (begun && !reader.ended) found = { standing: { begun, events, position, chain }, bytes: through }
    }
  } catch (error) {
    throw readFault(error, reader.lines)
  }
  return found && { ...found, ended: reader.ended }
}

/** What cannot be decompressed was altered; anything else is no fault of the file's content. */
const readFault = (error: unknown, lines: number): unknown =>
  String((error as { code?: unknown }).code).startsWith('Z_')
    ? new AlteredExport(
        `it cannot be decompressed (${(error as Error).message}); up to line ${lines} it is what was exported`,
        { cause: error },
      )
    : error

class ExportReader {
  lines = 0
  events = 0
  position = '0'
  chain = NO_CHAIN
  begun: Begun | undefined
  ended = false
  private readonly heads = new StreamTable()

  take(line: string): ExportItem {
    this.lines += 1
    if (this.ended) throw this.altered('stands behind the last line')
    const found = chainOf(line, this.chain)
    if (!found) throw this.altered('has no checksum: it is no line of an export, or was altered')
    if (found.chain !== found.expected)
      throw this.altered('does not fit its checksum: it, or a line before it, was altered, removed or moved')
    const before = this.chain
    this.chain = found.chain
    const event = this.parsed(line)
    if (this.lines === 1) return { type: 'begun', begun: this.takeBegun(event) }
    if (event.type === ENDED) return { type: 'ended', ended: this.takeEnded(event, before) }
    return this.takeEvent(event)
  }

  private takeBegun({ type, data }: CloudEvent): Begun {
    const begun = data as Begun | undefined
    if (type !== BEGUN || typeof begun?.project !== 'string')
      throw this.altered('is not how an export begins')
    if (begun.format !== FORMAT)
      throw this.altered(`names format ${begun.format}; this version reads format ${FORMAT}`)
    this.begun = begun
    return begun
  }

  private takeEnded({ data }: CloudEvent, chain: string): Ended {
    const ended = data as Ended
    if (ended?.events !== this.events || ended.position !== this.position || ended.chain !== chain)
      throw this.altered(
        `counts ${ended?.events} events up to position ${ended?.position}, but ${this.events} up to position ${this.position} stand before it`,
      )
    this.ended = true
    return ended
  }

  private takeEvent(line: CloudEvent): ExportItem {
    const { begun } = this
    const event = this.exported(line)
    const { stream, revision, position } = event
    if (!isOf(begun?.project as string, stream) || line.source !== sourceOf(begun?.project as string))
      throw this.altered(`has an event of stream ${stream}, which is not of project ${begun?.project}`)
    if (BigInt(position) <= BigInt(this.position)) throw this.altered('is not in the order of the log')
    const head = this.heads.find(stream)
    const next = (head?.revision ?? -1) + 1
    if (revision !== next && (head || begun?.selection.since === undefined))
      throw this.altered(`has event ${revision} of stream ${stream}, but event ${next} is the next one`)
    const fault = sealFault({ ...event, revision: BigInt(revision) }, head?.hash)
    if (fault) throw this.altered(`event ${revision} of stream ${stream}: ${fault}`)
    this.heads.set(stream, { revision, hash: (event.metadata as { readonly hash: string }).hash })
    this.events += 1
    this.position = position
    return { type: 'event', event, first: head === undefined, line: this.lines }
  }

  private exported(line: CloudEvent): ExportedEvent {
    const { id, type, ledgerstream, ledgerrevision, ledgerposition, ledgermetadata, data } = line
    const texts = [id, type, ledgerstream, ledgermetadata]
    if (
      !texts.every((one) => typeof one === 'string') ||
      !NUMBER.test(String(ledgerrevision)) ||
      !NUMBER.test(String(ledgerposition))
    )
      throw this.altered('is no event of a log')
    return {
      stream: ledgerstream as string,
      revision: Number(ledgerrevision),
      position: ledgerposition as string,
      id: id as string,
      type: type as string,
      data,
      metadata: this.json(ledgermetadata as string),
    }
  }

  private parsed(line: string): CloudEvent {
    const value = this.json(line)
    if (typeof value !== 'object' || value === null) throw this.altered('is no JSON object')
    return value as CloudEvent
  }

  private json(text: string): unknown {
    try {
      return JSON.parse(text)
    } catch {
      throw this.altered('is not JSON')
    }
  }

  private altered(what: string): AlteredExport {
    return new AlteredExport(`line ${this.lines} ${what}`)
  }
}

type CloudEvent = { readonly [attribute: string]: unknown }

const NUMBER = /^\d{1,19}$/
