// The project's stream and bucket, with settings that hold on nats-server 2.9 and on 2.12. Made by hand, and compared
// with what the server returned: an old server drops what it does not know in silence.
import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream'
import { type NatsConnection, nanos } from '@nats-io/transport-node'
import { ackStream, ackSubjects, bucket, bucketStream, eventStream } from './names.js'

/** Days that the event stream keeps an event; the log keeps it for ever. */
export const RETENTION_DAYS = 30
const ACKS_KEPT_DAYS = 7
const DUPLICATE_WINDOW_MS = 120_000
const DAY_MS = 24 * 60 * 60 * 1000

type Wanted = Partial<StreamConfig> & { readonly name: string; readonly subjects: string[] }

export const eventStreamConfig = (project: string): Wanted => ({
  name: eventStream(project),
  subjects: [`assistants.v1.${project}.events.>`],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  max_msg_size: 1024 * 1024,
  max_age: nanos(RETENTION_DAYS * DAY_MS),
  duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  deny_delete: true,
  deny_purge: true,
  allow_direct: true,
})

export const bucketConfig = (project: string): Wanted => ({
  name: bucketStream(project),
  subjects: [`$KV.${bucket(project)}.>`],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  // More than one: some servers lose sight of the last value of a key after a restart when there is only one.
  max_msgs_per_subject: 10,
  max_age: 0,
  duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  // Without purges a lagging consumer cannot be made to skip what others wrote.
  allow_rollup_hdrs: false,
  deny_delete: true,
  deny_purge: true,
  allow_direct: true,
})

/** What runners report, until the service has recorded it: a week is longer than any outage should be. */
export const ackStreamConfig = (project: string): Wanted => ({
  name: ackStream(project),
  subjects: [ackSubjects(project)],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  max_msgs_per_subject: 20,
  max_age: nanos(ACKS_KEPT_DAYS * DAY_MS),
  duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  deny_delete: true,
  deny_purge: true,
  allow_direct: true,
})

/** The server has a stream of this name with other settings. */
export class AssetMismatch extends Error {
  override readonly name = 'AssetMismatch'
}

/**
 * Makes the streams and the bucket where they are missing.
 * @param replicas servers of a cluster that keep each; what is there already keeps the number that it has
 * @throws AssetMismatch
 */
export async function ensureAssets(connection: NatsConnection, project: string, replicas = 1): Promise<void> {
  const manager = await jetstreamManager(connection)
  for (const wanted of [eventStreamConfig(project), bucketConfig(project), ackStreamConfig(project)])
    await ensureStream(manager, wanted, replicas)
}

async function ensureStream(manager: JetStreamManager, wanted: Wanted, replicas: number): Promise<void> {
  const has =
    (await existing(manager, wanted.name)) ??
    (await manager.streams.add({ ...wanted, num_replicas: replicas })).config
  for (const [field, value] of Object.entries(wanted)) {
    const returned = (has as unknown as Record<string, unknown>)[field]
    if (isEqual(returned, value)) continue
    throw new AssetMismatch(
      `stream ${wanted.name} has ${field} = ${shown(field, returned)}, ${shown(field, value)} is wanted; stop the registry, delete the stream with the nats command line (nats stream rm ${wanted.name}) and start again: ${afterDeletion(wanted)}`,
    )
  }
}

const afterDeletion = ({ subjects }: Wanted): string =>
  subjects.some((subject) => subject.includes('.acks.'))
    ? 'it is made anew, without the reports that were not recorded yet'
    : 'it comes back from the log'

const DURATIONS = new Set(['max_age', 'duplicate_window'])

/** A setting as a person reads it: NATS has durations in nanoseconds. */
function shown(field: string, value: unknown): string {
  if (!DURATIONS.has(field)) return JSON.stringify(value ?? null)
  const seconds = Number(value ?? 0) / nanos(1_000)
  if (seconds === 0) return 'none'
  const days = (seconds * 1000) / DAY_MS
  return Number.isInteger(days) ? `${days} days` : `${seconds} seconds`
}

/** A server leaves out what is false or zero. */
const isEqual = (returned: unknown, wanted: unknown): boolean =>
  JSON.stringify(returned || false) === JSON.stringify(wanted || false)

/** Deletes a stream whose files are damaged or gone and makes it again, empty. */
export async function remakeStream(
  manager: JetStreamManager,
  wanted: Wanted,
  replicas: number,
): Promise<void> {
  try {
    await manager.streams.delete(wanted.name)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  await ensureStream(manager, wanted, replicas)
}

async function existing(manager: JetStreamManager, name: string): Promise<StreamConfig | undefined> {
  try {
    return (await manager.streams.info(name)).config
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

const STREAM_NOT_FOUND = 10059

const isMissing = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND
