// The bucket as it is: which key is at which order and sequence, and the digest of each graph's keys. Loaded with one
// pass, kept by every write of ours, since nobody else writes; that somebody did all the same shows by the sequences.
import { type Checkpoint, decodeToken, type Ledger } from '@assistant-ledger/assistant'
import type { ConfigKey } from '@assistant-ledger/read-model'
import { AckPolicy, DeliverPolicy, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream'
import { headers, type MsgHdrs, nanos } from '@nats-io/transport-node'
import type { Context } from '@opentelemetry/api'
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
import { bucketStream, configKey, keySubject, PUBLISHER_KEY, watermarkKey } from './names.js'
import { publishing } from './trace.js'

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
  /** The keys that held a tombstone of readable order when they were loaded. */
  private readonly buried = new Set<string>()
  private readonly digests = new Map<string, Digest>()
  /** Sequences of the keys that hold no configuration: watermarks and the checkpoint. */
  private readonly others = new Map<string, number>()
  /** The sequence that the stream is at if nobody else writes, and the greatest that a write of ours got. */
  private expected = 0
  private last = 0
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
    const { state } = await manager.streams.info(stream)
    loaded.last = state.last_seq
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
          loaded.last = Math.max(loaded.last, message.seq)
          left -= 1
        }
        if (left === before) throw new Error(`the bucket ${stream} did not give its last ${left} keys`)
      }
    } finally {
      await manager.consumers.delete(stream, name).catch(() => false)
    }
    loaded.expected = loaded.last
    return loaded
  }

  /** Whether somebody else wrote between the load and the last write of ours. No write may be on its way. */
  get isForeign(): boolean {
    return this.last !== this.expected
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

  /**
   * Writes the keys whose order is greater than what the bucket has. Returns the graphs that changed.
   * @param contexts the traces that they are written in, by the position of the event that set the key
   */
  async write(
    keys: readonly ConfigKey[],
    ledger: Ledger,
    contexts: ReadonlyMap<bigint, Context> = NO_CONTEXTS,
  ): Promise<Set<string>> {
    const changed = new Set<string>()
    await this.inBatches(keys, async (key) => {
      const name = configKey(key.environment, key.graphId, key.assistantId)
      const order = { ...ledger, revision: Number(key.revision) }
      if (!this.isGreater(order, name)) return
      const value = configValue(key, ledger, this.project)
      const context = contexts.get(key.position)
      if (context) await publishing(context, key, (given) => this.put(name, value, order, undefined, given))
      else await this.put(name, value, order)
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

  /** The keys that the log does not know, of another log or epoch, or a stranger's, and that have no tombstone of it. */
  unknown(known: ReadonlySet<string>, ledger: Ledger): [name: string, entry: Entry][] {
    return [...this.entries].filter(
      ([name, { logId, epoch }]) =>
        !known.has(name) && !(this.buried.has(name) && logId === ledger.logId && epoch === ledger.epoch),
    )
  }

  /** Makes tombstones of the keys that the log does not know. */
  async bury(known: ReadonlySet<string>, ledger: Ledger, position: bigint): Promise<void> {
    await this.inBatches(this.unknown(known, ledger), async ([name, entry]) => {
      const [environment = '', , assistantId = ''] = name.split('.')
      const order = orderAfter(entry, ledger)
      await this.put(
        name,
        unknownKeyTombstone(
          { environment: decodeToken(environment), assistantId },
          order,
          this.project,
          position,
        ),
        order,
      )
      this.buried.add(name)
    })
  }

  /** Says up to where every key of a graph is here, and what they are. */
  async writeWatermark(
    graph: string,
    ledger: Ledger,
    position: bigint,
    checkpoint: Checkpoint | undefined,
  ): Promise<void> {
    const { count, bytes } = this.digests.get(graph) ?? { count: 0, bytes: Buffer.alloc(32) }
    const watermark: Watermark = {
      log_id: ledger.logId,
      epoch: ledger.epoch,
      position: String(position),
      count,
      digest: bytes.toString('hex'),
      ...(checkpoint && { checkpoint }),
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
    given = headers(),
  ): Promise<void> {
    this.enter(name, { ...order, sequence: await this.send(name, body, expected, given) })
  }

  private async send(
    key: string,
    body: string,
    expected: number,
    given: MsgHdrs = headers(),
  ): Promise<number> {
    const subject = keySubject(this.project, key)
    const sequence = await this.writer.write(subject, body, { subject: expected }, given)
    this.expected += 1
    this.last = Math.max(this.last, sequence)
    return sequence
  }

  private isGreater(order: Order, name: string): boolean {
    const has = this.entries.get(name)
    if (!has || has.logId !== order.logId) return true
    return order.epoch > has.epoch || (order.epoch === has.epoch && order.revision > has.revision)
  }

  private take(name: string, body: string, sequence: number): void {
    if (name === PUBLISHER_KEY) this.checkpoint = checkpointOf(body)
    if (name === PUBLISHER_KEY || name === watermarkKey(graphOf(name))) {
      this.others.set(name, sequence)
      return
    }
    const value = parse<{ log_id: string; epoch: number; revision: number; state?: string }>(body)
    const revision = integer(value?.revision)
    if (value?.state === 'deleted' && revision !== undefined) this.buried.add(name)
    // What cannot be read counts as older than anything: it is written again.
    this.enter(name, {
      logId: value?.log_id ?? '',
      epoch: integer(value?.epoch) ?? -1,
      revision: revision ?? UNKNOWN_REVISION,
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

const NO_CONTEXTS: ReadonlyMap<bigint, Context> = new Map()

/** Whatever stands behind environment and graph is in that graph's digest, also what is no assistant's id. */
const graphOf = (name: string): string => name.split('.', 2).join('.')

const integer = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) && (value as number) >= UNKNOWN_REVISION ? (value as number) : undefined

/**
 * The order of a tombstone in place of an entry: greater, so that it is news to whoever has seen the entry. Never of an
 * epoch that the log has not: a client that followed it there would take no watermark of ours any more.
 */
function orderAfter(entry: Entry, ledger: Ledger): Order {
  const same = entry.logId === ledger.logId && entry.epoch === ledger.epoch
  const revision = same ? Math.min(entry.revision + 1, Number.MAX_SAFE_INTEGER) : UNKNOWN_REVISION
  return { ...ledger, revision }
}

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
