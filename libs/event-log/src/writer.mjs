// The writer thread of the embedded log: every append that waits while the disk syncs goes into the next
// transaction, so that one fsync serves them all and none of it runs on the thread that answers requests.
// Plain JavaScript, because a worker is started from a file, from the sources and from the build alike.
import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'

const { file, schema, batchAppends } = workerData

/** Held for the life of the process; the operating system lets go of it when the process dies, however it dies. */
const lock = new Database(`${file}.lock`, { timeout: 0 })
try {
  lock.pragma('locking_mode = EXCLUSIVE')
  lock.exec('BEGIN EXCLUSIVE')
} catch (error) {
  parentPort.postMessage({ type: 'locked', reason: String(error) })
  process.exit(0)
}

const db = new Database(file)
db.pragma('journal_mode = WAL')
db.pragma('synchronous = FULL')
db.exec(schema)

const streamOf = db.prepare('SELECT stream_id, revision FROM streams WHERE name = ?')
const addStream = db.prepare('INSERT INTO streams (name, revision) VALUES (?, -1)')
const setRevision = db.prepare('UPDATE streams SET revision = ? WHERE stream_id = ?')
const idAt = db.prepare('SELECT id, position FROM events WHERE stream_id = ? AND revision = ?')
const addEvent = db.prepare(
  'INSERT INTO events (stream_id, revision, id, type, data, metadata) VALUES (?, ?, ?, ?, ?, ?)',
)
const begin = db.prepare('BEGIN IMMEDIATE')
const commit = db.prepare('COMMIT')
const rollback = db.prepare('ROLLBACK')

let waiting = []
let scheduled = false

parentPort.on('message', (message) => {
  if (message.type === 'close') return close()
  waiting.push(message)
  if (scheduled) return
  scheduled = true
  // After the messages that are already queued: they share the transaction.
  setImmediate(writeAll)
})

function writeAll() {
  scheduled = false
  while (waiting.length > 0) {
    const batch = waiting.slice(0, batchAppends)
    waiting = waiting.slice(batchAppends)
    parentPort.postMessage({ type: 'settled', results: writeBatch(batch) })
  }
}

function writeBatch(batch) {
  try {
    begin.run()
    const results = batch.map(append)
    commit.run()
    return results
  } catch (error) {
    if (db.inTransaction) rollback.run()
    return batch.map(({ call }) => ({ call, failed: String(error) }))
  }
}

/** EventStoreDB's rules: an expected revision below the stream's asks whether these very events stand there already. */
function append({ call, stream, expected, events }) {
  const found = streamOf.get(stream)
  const current = found ? found.revision : -1
  if (expected > current) return { call, conflict: current }
  if (expected < current) return repeated(call, found.stream_id, expected, current, events)
  const streamId = found ? found.stream_id : addStream.run(stream).lastInsertRowid
  let revision = current
  let position = 0
  for (const { id, type, data, metadata } of events) {
    revision += 1
    position = addEvent.run(streamId, revision, id, type, data, metadata).lastInsertRowid
  }
  setRevision.run(revision, streamId)
  return { call, revision, position: Number(position) }
}

function repeated(call, streamId, expected, current, events) {
  let position = 0
  for (let i = 0; i < events.length; i++) {
    const stored = idAt.get(streamId, expected + 1 + i)
    if (stored?.id !== events[i].id) return { call, conflict: current }
    position = stored.position
  }
  return { call, revision: expected + events.length, position }
}

function close() {
  writeAll()
  db.close()
  lock.close()
  parentPort.postMessage({ type: 'closed' })
  parentPort.close()
}

parentPort.postMessage({
  type: 'ready',
  head: db.prepare('SELECT max(position) AS head FROM events').get().head ?? 0,
})
