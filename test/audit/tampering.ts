// What somebody with access to the files, who knows how everything is made, could do to them.
import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import {
  assistantStream,
  type EventMetadata,
  type Head,
  ledgerStream,
  ROLLING_START,
  readCheckpoint,
  rollOn,
  seal,
  signCheckpoint,
} from '@assistant-ledger/assistant'
import Database from 'better-sqlite3'
import { PROJECT } from './installation.js'

export const LEDGER = ledgerStream(PROJECT)
export const streamOf = (id: string) => assistantStream(PROJECT, id)

interface Stored {
  readonly position: number
  readonly revision: number
  readonly id: string
  readonly type: string
  readonly data: string
  readonly metadata: string
}

export class LogFile {
  readonly database: Database.Database

  constructor(directory: string) {
    this.database = new Database(join(directory, 'log.db'))
  }

  close(): void {
    this.database.close()
  }

  events(stream: string): Stored[] {
    return this.database
      .prepare<[string], Stored>(
        'select e.* from events e join streams s using (stream_id) where s.name = ? order by e.revision',
      )
      .all(stream)
  }

  /** The revision of the first checkpoint that covers a position. */
  checkpointOver(position: number): number {
    const found = this.events(LEDGER).find(
      ({ type, data }) =>
        type === 'CheckpointSigned' && Number(readCheckpoint(JSON.parse(data))?.position) >= position,
    )
    return found?.revision ?? -1
  }

  at(stream: string, revision: number): Stored {
    return this.events(stream)[revision] as Stored
  }

  /** Puts other text in the place of some in a column of an event. */
  replace(
    stream: string,
    revision: number,
    column: 'data' | 'metadata' | 'id',
    from: RegExp,
    to: string,
  ): void {
    const event = this.at(stream, revision)
    const text = event[column].replace(from, to)
    if (text === event[column]) throw new Error(`${from} is not in ${text}`)
    this.database.prepare(`update events set ${column} = ? where position = ?`).run(text, event.position)
  }

  remove(stream: string, revision: number): void {
    this.database.prepare('delete from events where position = ?').run(this.at(stream, revision).position)
  }

  removeStream(stream: string): void {
    for (const { position } of this.events(stream))
      this.database.prepare('delete from events where position = ?').run(position)
    this.database.prepare('delete from streams where name = ?').run(stream)
  }

  swap(a: number, b: number): void {
    const move = this.database.prepare('update events set position = ? where position = ?')
    move.run(-1, a)
    move.run(a, b)
    move.run(b, -1)
  }

  /** The end of the log, with everything that says how long it was. */
  cutAfter(position: number): void {
    this.database.prepare('delete from events where position > ?').run(position)
    this.database
      .prepare(
        'update streams set revision = (select coalesce(max(revision), -1) from events e where e.stream_id = streams.stream_id)',
      )
      .run()
    this.database.prepare('delete from streams where revision < 0').run()
    this.database.prepare("update sqlite_sequence set seq = ? where name = 'events'").run(position)
  }

  /** Makes room after a position and puts an event there, sealed as the service would, as the newest of its stream. */
  insert(stream: string, type: string, data: object): number {
    const last = this.events(stream).at(-1) as Stored
    const { hash, at, ...from } = JSON.parse(last.metadata) as EventMetadata
    const head: Head = { revision: BigInt(last.revision), hash, at }
    const [sealed] = seal([{ type, data }], head, { ...from, stream, now: at })
    const shift = this.database.prepare('update events set position = ? where position = ?')
    const later = this.database
      .prepare<[number], number>('select position from events where position > ? order by position desc')
      .pluck()
      .all(last.position)
    for (const position of later) shift.run(position + 1, position)
    const { stream_id } = last as Stored & { stream_id: number }
    this.database
      .prepare(
        'insert into events (position, stream_id, revision, id, type, data, metadata) values (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        last.position + 1,
        stream_id,
        last.revision + 1,
        sealed?.id,
        type,
        JSON.stringify(data),
        JSON.stringify(sealed?.metadata),
      )
    return last.position + 1
  }

  /** Other data for an event, and the whole stream sealed anew from there on. */
  rewrite(stream: string, revision: number, change: (data: never) => object): void {
    const events = this.events(stream)
    let head: Head
    for (const event of events) {
      const { hash, at, ...from } = JSON.parse(event.metadata) as EventMetadata
      if (event.revision < revision) {
        head = { revision: BigInt(event.revision), hash, at }
        continue
      }
      const parsed = JSON.parse(event.data)
      const data = event.revision === revision ? change(parsed as never) : parsed
      const [sealed] = seal([{ type: event.type, data }], head, { ...from, stream, now: at })
      if (!sealed) throw new Error('not sealed')
      this.database
        .prepare('update events set id = ?, data = ?, metadata = ? where position = ?')
        .run(sealed.id, JSON.stringify(data), JSON.stringify(sealed.metadata), event.position)
      head = { revision: BigInt(event.revision), hash: sealed.metadata.hash, at: sealed.metadata.at }
    }
  }

  /** Every checkpoint made right for the log as it is by now, with somebody's own key. */
  signAnew(key: KeyObject): void {
    for (const { revision, type, data } of this.events(LEDGER)) {
      const old = type === 'CheckpointSigned' ? readCheckpoint(JSON.parse(data)) : undefined
      if (!old) continue
      // Each of them is covered by the next: so one after the other.
      const rolling = this.database
        .prepare<[string], { position: number; metadata: string }>(
          'select position, metadata from events where position <= ? order by position',
        )
        .all(old.position)
        .map(({ position, metadata }) => ({ position: BigInt(position), metadata: JSON.parse(metadata) }))
        .reduce(rollOn, ROLLING_START)
      const signed = signCheckpoint(rolling, { log_id: old.log_id, epoch: old.epoch }, key)
      this.rewrite(LEDGER, revision, (before: object) => ({ ...before, ...signed }))
    }
  }
}
