// The same history as its four keepers hold it: the log, the read model's file, the feed and the bucket. Each is read
// straight from where it is stored: the two files while no registry runs, the two streams by sequence.
import { join } from 'node:path'
import { openEmbeddedLog, type RecordedEvent } from '@assistant-ledger/event-log'
import { openReadModel, Projection } from '@assistant-ledger/read-model'
import { jetstreamManager, type StoredMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import Database from 'better-sqlite3'
import { inParallel, PROJECT } from './commands.js'

export const FEED = `ASSISTANT_EVENTS_${PROJECT}`
export const BUCKET = `KV_assistant_configs_${PROJECT}`

const KEY_PREFIX = `$KV.assistant_configs_${PROJECT}.`
const READS_IN_FLIGHT = 64
const REBUILD_DEADLINE_MS = 60_000

/** All events of the log, in order. No registry may run on it. */
export async function readLog(dataDir: string): Promise<RecordedEvent[]> {
  const log = await openEmbeddedLog({ file: join(dataDir, 'log.db') })
  try {
    const events: RecordedEvent[] = []
    for await (const event of log.readAll()) events.push(event)
    return events
  } finally {
    await log.close()
  }
}

/** Those of the assistants' streams: what the feed has to show. */
export const assistantEvents = (events: readonly RecordedEvent[]): RecordedEvent[] =>
  events.filter(({ stream }) => stream.startsWith(`assistant.${PROJECT}-`))

/** Projects the log into a new file. No registry may run on it. */
export async function rebuildReadModel(dataDir: string, file: string): Promise<void> {
  const log = await openEmbeddedLog({ file: join(dataDir, 'log.db') })
  const model = await openReadModel({ file, project: PROJECT })
  const stop = new AbortController()
  const running = new Projection(log, model, { project: PROJECT }).run(stop.signal)
  try {
    const reached = await model.reached(await log.head(), REBUILD_DEADLINE_MS)
    if (!reached) throw new Error(`the read model was not rebuilt within ${REBUILD_DEADLINE_MS} ms`)
  } finally {
    stop.abort()
    await running
    await model.close()
    await log.close()
  }
}

/** Every row of every table of a SQLite file, as text, in an order that depends on the rows alone. */
export function rowsOf(file: string): Record<string, string[]> {
  const database = new Database(file, { readonly: true })
  try {
    const tables = database
      .prepare(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name",
      )
      .pluck()
      .all() as string[]
    const rows: Record<string, string[]> = {}
    for (const table of tables) {
      const all = database.prepare(`select * from "${table}"`).safeIntegers().all()
      rows[table] = all.map((row) => JSON.stringify(row, plain)).sort()
    }
    return rows
  } finally {
    database.close()
  }
}

const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)

/** A message of the feed, whole but for sequence and time, which a refilled stream has anew. */
export interface FeedMessage {
  readonly id: string
  readonly subject: string
  readonly assistantId: string
  readonly type: string
  readonly revision: bigint
  readonly position: bigint
  readonly headers: Record<string, string[]>
  readonly data: unknown
}

export async function readFeed(connection: NatsConnection): Promise<FeedMessage[]> {
  return (await messagesOf(connection, FEED)).map((message) => ({
    id: message.header.get('Nats-Msg-Id'),
    subject: message.subject,
    assistantId: message.subject.split('.').at(-1) ?? '',
    type: message.header.get('ce-type'),
    revision: BigInt(message.header.get('Ledger-Revision') || -1),
    position: BigInt(message.header.get('Ledger-Position') || 0),
    headers: headersOf(message),
    data: message.json(),
  }))
}

/** Set anew with each publication: it says where the stream was, not what the message is. */
const OF_THE_PUBLICATION = /^nats-expected-/i

function headersOf(message: StoredMsg): Record<string, string[]> {
  const names = [...message.header.keys()].filter((name) => !OF_THE_PUBLICATION.test(name)).sort()
  return Object.fromEntries(names.map((name) => [name, message.header.values(name)]))
}

/** A config key's value: the envelope of a version, or a tombstone. */
export interface ConfigValue {
  readonly log_id: string
  readonly epoch: number
  readonly position: string
  readonly assistant_id: string
  readonly generation: number
  readonly version: number
  readonly revision: number | string
  readonly content?: { readonly context: Record<string, unknown> }
  readonly state?: string
}

/** The bucket's config keys with their newest values; neither watermarks nor the publisher's checkpoint. */
export async function readBucket(connection: NatsConnection): Promise<Map<string, ConfigValue>> {
  const newest = new Map<string, ConfigValue>()
  for (const message of await messagesOf(connection, BUCKET)) {
    const key = message.subject.slice(KEY_PREFIX.length)
    if (!key.split('.').some((token) => token === '_watermark' || token === '_publisher')) {
      newest.set(key, message.json<ConfigValue>())
    }
  }
  return new Map([...newest].sort(([one], [other]) => (one < other ? -1 : 1)))
}

async function messagesOf(connection: NatsConnection, stream: string): Promise<StoredMsg[]> {
  const manager = await jetstreamManager(connection)
  const { state } = await manager.streams.info(stream)
  const sequences = Array.from(
    { length: state.messages === 0 ? 0 : state.last_seq - state.first_seq + 1 },
    (_, index) => state.first_seq + index,
  )
  const found = new Map<number, StoredMsg>()
  await inParallel(sequences, READS_IN_FLIGHT, async (seq) => {
    const message = await manager.streams.getMessage(stream, { seq })
    if (message) found.set(seq, message)
  })
  return sequences.flatMap((seq) => found.get(seq) ?? [])
}
