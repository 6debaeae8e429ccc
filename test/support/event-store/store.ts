// The store behind the stand-in's API: takes appends and deletions, checks each against all before it, writes those that
// came in together with one wait for the disk, and only then shows and answers them.
import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { setImmediate as immediate } from 'node:timers/promises'
import { check, type Expected } from './check.js'
import {
  decodeTransaction,
  encodeTransaction,
  type NewEvent,
  type PlacedEvent,
  type StoredEvent,
} from './event.js'
import { LogFile, RECORD_HEAD_BYTES } from './log-file.js'
import { RecentIds } from './recent-ids.js'
import { DELETED_REVISION, metastreamOf, originalOf, Streams } from './streams.js'

export type Outcome =
  /** Revision and position of the last event; a repeated append whose event is hidden by now has no position. */
  | { readonly type: 'written'; readonly revision: number; readonly position?: number }
  /** `current` is -1 when the stream has no events. */
  | { readonly type: 'wrong-expected-version'; readonly current: number }
  | { readonly type: 'deleted' }

export interface Write {
  readonly stream: string
  readonly expected: Expected
  readonly what: readonly NewEvent[] | 'delete' | 'tombstone'
}

interface Decided {
  readonly outcome: Outcome
  /** What to write. Absent: nothing. */
  readonly bytes?: Buffer
  readonly events?: readonly StoredEvent[]
}

interface Asked {
  readonly write: Write
  readonly answer: (outcome: Outcome) => void
}

const NO_BYTES = new Uint8Array()

/** A fresh log is not empty, as the real one never is. */
const FIRST_STREAM = '$$$scavenges'
const FIRST_METADATA = { $maxAge: 30 * 24 * 60 * 60 }

export class Store {
  /** What is on the disk, which is what readers see. */
  readonly streams = new Streams()
  /** Emits `written` after each group of writes, when it can be read. */
  readonly events = new EventEmitter<{ written: [] }>().setMaxListeners(0)
  /** What is on the disk or on its way there, which is what new writes are checked against. */
  private readonly ahead = new Streams()
  private readonly recent = new RecentIds()
  private asked: Asked[] = []
  private writing = false

  private constructor(
    private readonly file: LogFile,
    /** Where the next record goes. */
    private end: number,
  ) {}

  static async open(path: string): Promise<Store> {
    const { file, records, end } = await LogFile.open(path)
    const store = new Store(file, end)
    for (const event of records.flatMap(({ bytes, at }) => decodeTransaction(bytes, at))) {
      store.ahead.add(event)
      store.streams.add(event)
    }
    if (records.length === 0) {
      const what = [newEvent('$metadata', JSON.stringify(FIRST_METADATA))]
      await store.write({ stream: FIRST_STREAM, expected: 'no_stream', what })
    }
    return store
  }

  /** Resolves when the write is on the disk, or refused. */
  write(write: Write): Promise<Outcome> {
    return new Promise((answer) => {
      this.asked.push({ write, answer })
      if (!this.writing) void this.writeAsked()
    })
  }

  /** Writes group after group: what comes while the disk is waited for makes up the next one. */
  private async writeAsked(): Promise<void> {
    this.writing = true
    while (this.asked.length > 0) {
      // What has come in over the same connections at the same time goes along.
      await immediate()
      const asked = this.asked
      this.asked = []
      const decided = asked.map(({ write, answer }) => ({ ...this.decide(write), answer }))
      const records = decided.flatMap(({ bytes }) => bytes ?? [])
      if (records.length > 0) await this.file.append(records)
      for (const event of decided.flatMap(({ events }) => events ?? [])) this.streams.add(event)
      for (const { answer, outcome } of decided) answer(outcome)
      if (records.length > 0) this.events.emit('written')
    }
    this.writing = false
  }

  private decide({ stream, expected, what }: Write): Decided {
    const ids = typeof what === 'string' ? [randomUUID()] : what.map(({ id }) => id)
    const checked = check(this.ahead, this.recent, stream, expected, ids)
    if (checked.type === 'repeated') return { outcome: this.repeated(stream, checked.last) }
    if (checked.type !== 'write') return { outcome: checked }
    if (what === 'tombstone') return this.tombstone(stream)
    if (what === 'delete') return this.softDelete(stream)
    return this.append(stream, what)
  }

  private repeated(stream: string, revision: number): Outcome {
    const position = this.ahead.events(stream)[revision]?.position
    const isHidden = revision < this.ahead.first(stream)
    return { type: 'written', revision, ...(isHidden || position === undefined ? {} : { position }) }
  }

  private append(stream: string, what: readonly NewEvent[]): Decided {
    const first = this.ahead.last(stream) + 1
    const last = first + what.length - 1
    const placed = what.map((event, i) => place(event, stream, first + i))
    const at = this.end + RECORD_HEAD_BYTES
    const written = this.put([...placed, ...this.undeletions(stream, what)])
    for (const [i, { id }] of what.entries()) this.recent.add(id, { stream, revision: first + i })
    const position = written.events[what.length - 1]?.position ?? at
    return { outcome: { type: 'written', revision: last, position }, ...written }
  }

  /**
   * What the server writes behind an append by itself: a deleted stream that is appended to begins again behind what
   * was in it, and so does one that is given metadata.
   */
  private undeletions(stream: string, what: readonly NewEvent[]): PlacedEvent[] {
    const undeletion = (original: string, revision: number, metadata: object) => {
      const $tb = this.ahead.last(original) + 1
      const event = newEvent('$metadata', JSON.stringify({ ...metadata, $tb }))
      return place(event, metastreamOf(original), revision)
    }
    if (this.ahead.isSoftDeleted(stream)) {
      const metastream = metastreamOf(stream)
      return [undeletion(stream, this.ahead.last(metastream) + 1, this.ahead.metadata(stream))]
    }
    const original = originalOf(stream)
    if (original === undefined || !this.ahead.isSoftDeleted(original)) return []
    const given = JSON.parse(Buffer.from(what.at(-1)?.data ?? '{}').toString('utf8'))
    return [undeletion(original, this.ahead.last(stream) + what.length + 1, given)]
  }

  private softDelete(stream: string): Decided {
    const metastream = metastreamOf(stream)
    if (this.ahead.last(stream) < 0 && this.ahead.last(metastream) < 0)
      return { outcome: { type: 'wrong-expected-version', current: -1 } }
    // Not through JSON.stringify: the number is greater than those that JavaScript has exactly.
    const event = newEvent('$metadata', `{"$tb":${DELETED_REVISION}}`)
    const revision = this.ahead.last(metastream) + 1
    const written = this.put([place(event, metastream, revision)])
    return { outcome: { type: 'written', revision, position: written.events[0]?.position ?? 0 }, ...written }
  }

  private tombstone(stream: string): Decided {
    const event = newEvent('$streamDeleted', '', 'application/octet-stream')
    const written = this.put([place(event, stream, DELETED_REVISION)])
    const revision = this.ahead.last(stream)
    return { outcome: { type: 'written', revision, position: written.events[0]?.position ?? 0 }, ...written }
  }

  private put(placed: readonly PlacedEvent[]): Required<Omit<Decided, 'outcome'>> {
    const { bytes, events } = encodeTransaction(placed, this.end + RECORD_HEAD_BYTES)
    this.end += RECORD_HEAD_BYTES + bytes.length
    for (const event of events) this.ahead.add(event)
    return { bytes, events }
  }
}

function place(event: NewEvent, stream: string, revision: number | string): PlacedEvent {
  return { ...event, stream, revision: String(revision), created: String(Date.now() * 10_000) }
}

function newEvent(type: string, data: string, contentType = 'application/json'): NewEvent {
  return { id: randomUUID(), type, contentType, data: Buffer.from(data), metadata: NO_BYTES }
}
