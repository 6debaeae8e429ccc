// The bucket as it is: which key is at which order and sequence, and the digest of each graph's keys. Loaded with one
// pass, kept by every write of ours, since nobody else writes.
import { decodeToken, type Ledger } from '@assistant-ledger/assistant'
import type { ConfigKey } from '@assistant-ledger/read-model'
import { AckPolicy, DeliverPolicy, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream'
import { headers, nanos } from '@nats-io/transport-node'
import type { FencedWriter } from './fence.js'
import {
  configValue,
  digestPart,
  type Order,
  type PublishCheckpoint,
  UNKNOWN_REVISION,
  unknownKeyTombstone,
  type Watermark,
} from './messages.js'
import { bucketStream, configKey, keySubject, PUBLISHER_KEY, WATERMARK, watermarkKey } from './names.js'

/** Keys that are fetched, or written, at a time. */
const KEYS_AT_A_TIME = 500
const FETCH_EXPIRES_MS = 5_000

interface Entry extends Order {
  readonly sequence: number
}

interface Digest {
  count: number
  readonly bytes: Buffer
}

export class Bucket {
  private readonly entries = new Map<string, Entry>()
  private readonly digests = new Map<string, Digest>()
  /** Sequences of the keys that hold no configuration: watermarks and the checkpoint. */
  private readonly others = new Map<string, number>()
  checkpoint: PublishCheckpoint | undefined

  private constructor(
    private readonly writer: FencedWriter,
    private readonly project: string,
  ) {}

  static async load(
    writer: FencedWriter,
    client: JetStreamClient,
    manager: JetStreamManager,
    project: string,
  ): Promise<Bucket> {
    const loaded = new Bucket(writer, project)
    const stream = bucketStream(project)
    const { name, num_pending } = await manager.consumers.add(stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.LastPerSubject,
      mem_storage: true,
      inactive_threshold: nanos(30_000),
      filter_subject: keySubject(project, '>'),
    })
    try {
      const consumer = await client.consumers.get(stream, name)
      const prefix = keySubject(project, '').length
      for (let left = num_pending; left > 0; ) {
        const before = left
        const batch = await consumer.fetch({
          max_messages: Math.min(left, KEYS_AT_A_TIME),
          expires: FETCH_EXPIRES_MS,
        })
        for await (const message of batch) {
          loaded.take(message.subject.slice(prefix), message.string(), message.seq)
          left -= 1
        }
        if (left === before) throw new Error(`the bucket ${stream} did not give its last ${left} keys`)
      }
    } finally {
      await manager.consumers.delete(stream, name).catch(() => false)
    }
    return loaded
  }

  get keys(): IterableIterator<string> {
    return this.entries.keys()
  }

  get size(): number {
    return this.entries.size
  }

  sequenceOf(key: string): number | undefined {
    return this.entries.get(key)?.sequence
  }

  /** Writes the keys whose order is greater than what the bucket has. Returns the graphs that changed. */
  async write(keys: readonly ConfigKey[], ledger: Ledger): Promise<Set<string>> {
    const changed = new Set<string>()
    await this.inBatches(keys, async (key) => {
      const name = configKey(key.environment, key.graphId, key.assistantId)
      const order = { ...ledger, revision: Number(key.revision) }
      if (!this.isGreater(order, name)) return
      await this.put(name, configValue(key, ledger, this.project), order)
      changed.add(graphOf(name))
    })
    return changed
  }

  /** Writes one key whatever the bucket has of the same order: it was found missing or different. */
  async repair(key: ConfigKey, ledger: Ledger, sequence: number): Promise<void> {
    const name = configKey(key.environment, key.graphId, key.assistantId)
    const order = { ...ledger, revision: Number(key.revision) }
    await this.put(name, configValue(key, ledger, this.project), order, sequence)
  }

  /** Makes tombstones of keys of another log or epoch that the log does not know. */
  async bury(known: ReadonlySet<string>, ledger: Ledger, position: bigint): Promise<void> {
    const unknown = [...this.entries].filter(
      ([name, entry]) => !known.has(name) && (entry.logId !== ledger.logId || entry.epoch !== ledger.epoch),
    )
    await this.inBatches(unknown, async ([name]) => {
      const [environment = '', , assistantId = ''] = name.split('.')
      const order = { ...ledger, revision: UNKNOWN_REVISION }
      await this.put(
        name,
        unknownKeyTombstone(
          { environment: decodeToken(environment), assistantId },
          ledger,
          this.project,
          position,
        ),
        order,
      )
    })
  }

  /** Says up to where every key of a graph is here, and what they are. */
  async writeWatermark(graph: string, ledger: Ledger, position: bigint): Promise<void> {
    const { count, bytes } = this.digests.get(graph) ?? { count: 0, bytes: Buffer.alloc(32) }
    const watermark: Watermark = {
      log_id: ledger.logId,
      epoch: ledger.epoch,
      position: String(position),
      count,
      digest: bytes.toString('hex'),
    }
    await this.writeOther(watermarkKey(graph), JSON.stringify(watermark))
  }

  /** Moves the publisher's fence. @throws UnexpectedSequence somebody else moved it */
  async writeCheckpoint(checkpoint: PublishCheckpoint): Promise<void> {
    await this.writeOther(PUBLISHER_KEY, JSON.stringify(checkpoint))
    this.checkpoint = checkpoint
  }

  private async writeOther(key: string, body: string): Promise<void> {
    this.others.set(key, await this.send(key, body, this.others.get(key) ?? 0))
  }

  private async put(
    name: string,
    body: string,
    order: Order,
    expected = this.entries.get(name)?.sequence ?? 0,
  ): Promise<void> {
    this.enter(name, { ...order, sequence: await this.send(name, body, expected) })
  }

  private send(key: string, body: string, expected: number): Promise<number> {
    return this.writer.write(keySubject(this.project, key), body, { subject: expected }, headers())
  }

  private isGreater(order: Order, name: string): boolean {
    const has = this.entries.get(name)
    if (!has || has.logId !== order.logId) return true
    return order.epoch > has.epoch || (order.epoch === has.epoch && order.revision > has.revision)
  }

  private take(name: string, body: string, sequence: number): void {
    if (name === PUBLISHER_KEY) this.checkpoint = checkpointOf(body)
    if (name === PUBLISHER_KEY || name.endsWith(`.${WATERMARK}`)) {
      this.others.set(name, sequence)
      return
    }
    const value = parse<{ log_id: string; epoch: number; revision: number }>(body)
    // What cannot be read counts as older than anything: it is written again.
    this.enter(name, {
      logId: value?.log_id ?? '',
      epoch: value?.epoch ?? -1,
      revision: value?.revision ?? UNKNOWN_REVISION,
      sequence,
    })
  }

  private enter(name: string, entry: Entry): void {
    const graph = graphOf(name)
    const digest = this.digests.get(graph) ?? { count: 0, bytes: Buffer.alloc(32) }
    this.digests.set(graph, digest)
    const before = this.entries.get(name)
    if (before) xor(digest.bytes, digestPart(name, before))
    else digest.count += 1
    xor(digest.bytes, digestPart(name, entry))
    this.entries.set(name, entry)
  }

  private async inBatches<T>(all: readonly T[], write: (one: T) => Promise<void>): Promise<void> {
    for (let i = 0; i < all.length; i += KEYS_AT_A_TIME)
      await Promise.all(all.slice(i, i + KEYS_AT_A_TIME).map(write))
  }
}

const graphOf = (name: string): string => name.slice(0, name.lastIndexOf('.'))

function xor(into: Buffer, part: Buffer): void {
  for (let i = 0; i < into.length; i++) into[i] = (into[i] as number) ^ (part[i] as number)
}

/** What no publisher wrote is no checkpoint: it takes nobody's lead, and the next one replaces it. */
export function checkpointOf(body: string): PublishCheckpoint | undefined {
  const found = parse<Partial<PublishCheckpoint>>(body)
  return typeof found?.publisher === 'string' ? (found as PublishCheckpoint) : undefined
}

function parse<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}
