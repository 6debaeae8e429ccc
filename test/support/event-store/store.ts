// The store behind the stand-in's API: takes appends and deletions, checks each against all before it, writes those that
// came in together with one wait for the disk, and only then shows and answers them.
import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { check, type Expected } from './check.js'
import { decodeTransaction, encodeTransaction, type NewEvent, type StoredEvent, sizeOf } from './event.js'
import { LogFile } from './log-file.js'
import { RecentIds } from './recent-ids.js'
import { DELETED_REVISION, Streams } from './streams.js'

export type Outcome =
  /** Revision and position of the last event. */
  | { readonly type: 'written'; readonly revision: number; readonly position: number }
  /** `current` is -1 when the stream has no events. */
  | { readonly type: 'wrong-expected-version'; readonly current: number }
  | { readonly type: 'deleted' }

export interface Write {
  readonly stream: string
  readonly expected: Expected
  readonly what: readonly NewEvent[] | 'delete' | 'tombstone'
}

interface Asked {
  readonly write: Write
  readonly answer: (outcome: Outcome) => void
}

const NO_BYTES = new Uint8Array()
const JSON_TYPE = 'application/json'

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
  /** Where the next event goes. */
  private position = 0

  private constructor(private readonly file: LogFile) {}

  static async open(path: string): Promise<Store> {
    const { file, records } = await LogFile.open(path)
    const store = new Store(file)
    for (const event of records.flatMap(decodeTransaction)) {
      store.place(event)
      store.streams.add(event)
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
      const asked = this.asked
      this.asked = []
      const decided = asked.map(({ write, answer }) => ({ ...this.decide(write), answer }))
      const transactions = decided.map(({ events }) => events).filter((events) => events.length > 0)
      if (transactions.length > 0) await this.file.append(transactions.map(encodeTransaction))
      for (const event of transactions.flat()) this.streams.add(event)
      for (const { answer, outcome } of decided) answer(outcome)
      if (transactions.length > 0) this.events.emit('written')
    }
    this.writing = false
  }

  private decide({ stream, expected, what }: Write): { outcome: Outcome; events: StoredEvent[] } {
    const ids = typeof what === 'string' ? [randomUUID()] : what.map(({ id }) => id)
    const checked = check(this.ahead, this.recent, stream, expected, ids)
    if (checked.type === 'repeated') {
      const position = this.ahead.events(stream)[checked.last]?.position ?? 0
      return { outcome: { type: 'written', revision: checked.last, position }, events: [] }
    }
    if (checked.type !== 'write') return { outcome: checked, events: [] }
    if (what === 'tombstone') return this.tombstone(stream)
    if (what === 'delete') return this.softDelete(stream)
    return this.append(stream, what)
  }

  private append(stream: string, what: readonly NewEvent[]) {
    const wasDeleted = this.ahead.isSoftDeleted(stream)
    const anew = this.ahead.last(stream) + 1
    const events = what.map((event) => this.add(stream, event))
    for (const event of events) this.recent.add(event.id, { stream, revision: Number(event.revision) })
    const revision = this.ahead.last(stream)
    const position = events.at(-1)?.position ?? this.position
    // The server itself lets a deleted stream begin again behind what was in it.
    if (wasDeleted) events.push(this.setMetadata(stream, { ...this.ahead.metadata(stream), $tb: anew }))
    return { outcome: { type: 'written', revision, position } as const, events }
  }

  private softDelete(stream: string) {
    const { $tb: _, ...metadata } = this.ahead.metadata(stream)
    const text = JSON.stringify({ ...metadata, $tb: 0 }).replace(/"\$tb":0/, `"$tb":${DELETED_REVISION}`)
    const event = this.add(`$$${stream}`, newEvent('$metadata', text))
    const { position } = event
    return { outcome: { type: 'written', revision: 0, position } as const, events: [event] }
  }

  private tombstone(stream: string) {
    const event = this.add(stream, newEvent('$streamDeleted', ''), DELETED_REVISION)
    const { position } = event
    return { outcome: { type: 'written', revision: 0, position } as const, events: [event] }
  }

  private setMetadata(stream: string, metadata: object): StoredEvent {
    return this.add(`$$${stream}`, newEvent('$metadata', JSON.stringify(metadata)))
  }

  private add(stream: string, event: NewEvent, revision = String(this.ahead.last(stream) + 1)): StoredEvent {
    const created = String(Date.now() * 10_000)
    const stored = { ...event, stream, revision, position: this.position, created }
    this.place(stored)
    return stored
  }

  private place(event: StoredEvent): void {
    this.ahead.add(event)
    this.position = event.position + sizeOf(event, event.stream)
  }
}

function newEvent(type: string, data: string): NewEvent {
  return { id: randomUUID(), type, contentType: JSON_TYPE, data: Buffer.from(data), metadata: NO_BYTES }
}
