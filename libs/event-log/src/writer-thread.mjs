// The writer thread of the embedded log: every append that waits while the disk syncs goes into the next
// transaction, so that one fsync serves them all and none of it runs on the thread that answers requests.
// Plain JavaScript, because a worker is started from a file: the same one beside the sources and in the build.
import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'

/** @import { Opened, Outcome, Request, Sealed, Settled } from './writer.js' */

const { file, schema, format, batchAppends, batchBytes } = workerData

/** What SQLite calls `synchronous = FULL` when it is asked. */
const FULL = 2

let lock
try {
  lock = takeLock()
  if (lock) start()
} catch (error) {
  // As text: an error of SQLite's would arrive as an object without its message.
  say({ type: 'failed', message: String(error.message ?? error), code: error.code })
  lock?.close()
  parentPort.close()
}

/**
 * A lock on a file beside the log, for the life of the process: the operating system lets go of it when the process
 * dies, however it dies. Not on the log itself, which others may read.
 */
function takeLock() {
  const side = new Database(`${file}.lock`, { timeout: 0 })
  try {
    side.exec('BEGIN EXCLUSIVE')
    return side
  } catch (error) {
    side.close()
    if (error.code !== 'SQLITE_BUSY') throw error
    say({ type: 'locked' })
    parentPort.close()
    return undefined
  }
}

function start() {
  const db = openFile()
  const write = writer(db)
  /** @type {Sealed[]} */
  let waiting = []
  let scheduled = false

  const writeWaiting = () => {
    scheduled = false
    let next = 0
    while (next < waiting.length) {
      const batch = []
      let bytes = 0
      while (next < waiting.length && batch.length < batchAppends && bytes < batchBytes) {
        batch.push(waiting[next])
        bytes += waiting[next++].bytes
      }
      const { results, fatal } = write(batch)
      say({ type: 'settled', results, fatal: fatal && String(fatal) })
      if (fatal) throw fatal
    }
    waiting = []
  }

  parentPort.on('message', (/** @type {Request} */ message) => {
    if (message.type === 'close') {
      writeWaiting()
      db.close()
      lock.close()
      parentPort.close()
      return
    }
    waiting.push(...message.appends)
    if (scheduled) return
    scheduled = true
    // After the messages that are already queued: they share the transaction.
    setImmediate(writeWaiting)
  })
  const { newest } = db.prepare('SELECT coalesce(max(position), 0) AS newest FROM events').get()
  say({ type: 'ready', newest })
}

function openFile() {
  const db = new Database(file)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  // Where fsync leaves the data in the drive's cache (macOS) this asks for more; elsewhere it says nothing.
  db.pragma('fullfsync = ON')
  db.pragma('checkpoint_fullfsync = ON')
  if (
    db.pragma('journal_mode', { simple: true }) !== 'wal' ||
    db.pragma('synchronous', { simple: true }) !== FULL
  )
    throw new Error('SQLite would not wait for the disk, and an acknowledged event could be lost')
  const found = db.pragma('user_version', { simple: true })
  if (found > format)
    throw new Error(`its format is ${found}, and this version of the service knows ${format}`)
  db.transaction(() => {
    db.exec(schema)
    db.pragma(`user_version = ${format}`)
  }).immediate()
  return db
}

/** @returns {(batch: readonly Sealed[]) => { results: Settled[], fatal?: unknown }} */
function writer(db) {
  const streamOf = db.prepare('SELECT stream_id, revision FROM streams WHERE name = ?')
  const addStream = db.prepare('INSERT INTO streams (name, revision) VALUES (?, ?)')
  const setRevision = db.prepare('UPDATE streams SET revision = ? WHERE stream_id = ?')
  const storedAt = db.prepare('SELECT id, position FROM events WHERE stream_id = ? AND revision = ?')
  const addEvent = db.prepare(
    'INSERT INTO events (stream_id, revision, id, type, data, metadata) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')

  /** A conflict is found before anything is written, so that one append's leaves the others of the batch alone. */
  return (batch) => {
    let committing = false
    try {
      begin.run()
      const results = batch.map(append)
      committing = true
      commit.run()
      return { results }
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK')
      const results = batch.map(({ call }) => ({ call, failed: String(error), inDoubt: committing }))
      // After a failed sync nobody knows what the disk holds: only opening the file anew tells.
      const lost =
        committing || error.code?.startsWith('SQLITE_IOERR') || error.code?.startsWith('SQLITE_CORRUPT')
      return lost ? { results, fatal: error } : { results }
    }
  }

  /** EventStoreDB's rules: an expected revision below the stream's asks whether these very events stand there. */
  function append({ call, stream, expected, events }) {
    const found = streamOf.get(stream)
    const current = found ? found.revision : -1
    if (expected > current) return { call, conflict: current }
    if (expected < current) return repeated(call, found.stream_id, expected, current, events)
    const newest = current + events.length
    const streamId = found ? found.stream_id : addStream.run(stream, newest).lastInsertRowid
    if (found) setRevision.run(newest, streamId)
    let position = 0
    for (let i = 0; i < events.length; i++) {
      const { id, type, data, metadata } = events[i]
      position = addEvent.run(streamId, current + 1 + i, id, type, data, metadata).lastInsertRowid
    }
    return { call, revision: newest, position }
  }

  /** Only ids are compared; a part of an earlier append, from its start, counts as a repetition. */
  function repeated(call, streamId, expected, current, events) {
    let position = 0
    for (let i = 0; i < events.length; i++) {
      const stored = storedAt.get(streamId, expected + 1 + i)
      if (stored?.id !== events[i].id) return { call, conflict: current }
      position = stored.position
    }
    return { call, revision: expected + events.length, position }
  }
}

/** @param {Opened | Outcome} message */
function say(message) {
  parentPort.postMessage(message)
}
