// The read model made again from the log, beside the one that serves: by the projection itself, in batches, until it
// has what the log has.
import { evolveLedger, ledgerStream, streamPrefixes } from '@assistant-ledger/assistant'
import type { EventText, LogForReading } from '@assistant-ledger/event-log'
import type { Projected, ReadModel, Stood } from '@assistant-ledger/read-model'

/**
 * Events of one transaction, and characters of their JSON. Few, so that what a batch holds is gone before the collector
 * of memory moves it about: that costs more than transactions, of which none waits for the disk.
 */
const BATCH_EVENTS = 128
const BATCH_CHARACTERS = 2 * 1024 * 1024

export interface RebuildProgress {
  readonly position: bigint
  /** Where the log ended when it was last looked at. */
  readonly head: bigint
  /** Events projected in this run. */
  readonly events: number
}

/**
 * Where a rebuild goes on: where an earlier one was broken off, or at the start when that was of another log, or of one
 * that was restored since.
 */
export async function beginRebuild(
  log: Pick<LogForReading, 'readStream' | 'head' | 'project'>,
  rebuilt: ReadModel,
): Promise<bigint> {
  const { position, ledger } = rebuilt
  if ((await goesOnAt(log, { position, logId: ledger?.logId })) !== position) await rebuilt.clear()
  return rebuilt.position
}

/** Where {@link beginRebuild} would go on, of what stands there. */
export async function goesOnAt(
  log: Pick<LogForReading, 'readStream' | 'head' | 'project'>,
  { position, logId }: Stood,
): Promise<bigint> {
  const fits = logId === undefined || logId === (await logIdOf(log))
  return fits && position <= (await log.head()) ? position : 0n
}

async function logIdOf(log: Pick<LogForReading, 'readStream' | 'project'>): Promise<string | undefined> {
  const stream = ledgerStream(log.project)
  for await (const event of log.readStream(stream, { limit: 1 })) return evolveLedger(undefined, event)?.logId
  return undefined
}

/**
 * Projects what the log has past the read model's position. Resolves when it has all of it, or at the signal: what is
 * committed by then is gone on from.
 * @returns whether it has all of it
 */
export async function rebuild(
  log: Pick<LogForReading, 'pages' | 'head' | 'project'>,
  rebuilt: ReadModel,
  signal: AbortSignal,
  onProgress: (progress: RebuildProgress) => void = () => undefined,
): Promise<boolean> {
  let events = 0
  for (;;) {
    const head = await log.head()
    if (rebuilt.position >= head) return rebuilt.finish(signal)
    for await (const { batch, through } of batchesOf(log, rebuilt.position, head)) {
      if (signal.aborted) return false
      await rebuilt.apply(batch, through)
      events += batch.length
      onProgress({ position: rebuilt.position, head, events })
    }
    if (rebuilt.position < head) await rebuilt.apply([], head)
  }
}

/** Projects exactly up to a position that the log has. */
export async function rebuildThrough(
  log: Pick<LogForReading, 'pages' | 'project'>,
  rebuilt: ReadModel,
  position: bigint,
): Promise<void> {
  for await (const { batch, through } of batchesOf(log, rebuilt.position, position))
    await rebuilt.apply(batch, through)
  if (rebuilt.position < position) await rebuilt.apply([], position)
}

async function* batchesOf(log: Pick<LogForReading, 'pages' | 'project'>, after: bigint, through: bigint) {
  const prefixes = streamPrefixes(log.project)
  const wanted = (stream: string) => prefixes.some((prefix) => stream.startsWith(prefix))
  let batch: Projected[] = []
  let characters = 0
  for await (const page of log.pages({ after, through, wanted })) {
    for (const event of page) {
      batch.push(recordedOf(event))
      characters += event.data.length
    }
    const last = batch.at(-1)
    if (!last || (batch.length < BATCH_EVENTS && characters < BATCH_CHARACTERS)) continue
    yield { batch, through: last.position }
    batch = []
    characters = 0
  }
  if (batch.length > 0) yield { batch, through }
}

const recordedOf = ({ stream, revision, position, id, type, data, metadata }: EventText): Projected => ({
  stream,
  revision,
  position,
  id,
  type,
  data: jsonOf(data),
  metadata: jsonOf(metadata),
  text: data,
})

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
