// One stretch of publishing over an unbroken view of NATS: what the stream and the bucket have is loaded once, and
// known from then on, because every write says what it expects to find.
import { assistantIdOf, assistantStream, encodeToken, type Ledger } from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { ConfigKey } from '@assistant-ledger/read-model'
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { Context } from '@opentelemetry/api'
import { bucketConfig, ensureAssets, eventStreamConfig, RETENTION_DAYS, remakeStream } from './assets.js'
import { Bucket } from './bucket.js'
import { type FencedWriter, PublisherFenced, UnexpectedSequence } from './fence.js'
import { configValue, eventMessage, ID_HEADER, POSITION_HEADER, type PublishCheckpoint } from './messages.js'
import { bucketStream, configKey, eventStream, eventSubject, graphKey, keySubject } from './names.js'
import type { Lead, PublisherOptions } from './publisher.js'
import { compareStream, consumersOf, type RepairOptions, type RepairReport } from './repair.js'

/** Events that are published at once. */
const BATCH_EVENTS = 256
/** Milliseconds that a start waits at a time for the projection to be where publication was. */
const PROJECTION_WAIT_MS = 1_000
/** Milliseconds of such waiting before it is said. */
const PROJECTION_LATE_MS = 3_000
const DAY_MS = 24 * 60 * 60 * 1000

/** A stream or the bucket has lost its files: it takes no repair, only a new beginning. */
export class StreamGone extends Error {
  override readonly name = 'StreamGone'
  constructor(
    message: string,
    readonly remake: () => Promise<void>,
  ) {
    super(message)
  }
}

export class Session {
  /** Everything up to here is in the stream and the bucket. */
  position = 0n
  private lastSequence = 0

  private constructor(
    private readonly options: PublisherOptions,
    private readonly lead: Lead,
    private readonly ledger: Ledger,
    private readonly writer: FencedWriter,
    private readonly client: JetStreamClient,
    private readonly manager: JetStreamManager,
    private readonly bucket: Bucket,
  ) {}

  /**
   * Loads what NATS has, takes the fence, and brings the keys to what the log says. Undefined when it was aborted.
   * A publisher takes the fence from another one once, at its beginning, however often that beginning is broken off.
   * @param onWait told when the projection is not where publication was, and keeps it waiting for long
   */
  static async open(
    options: PublisherOptions,
    lead: Lead,
    writer: FencedWriter,
    signal: AbortSignal,
    onWait: (reason: Error) => void,
  ): Promise<Session | undefined> {
    const { connection, project, model } = options
    await ensureAssets(connection, project, options.replicas)
    const client = jetstream(connection)
    const manager = await jetstreamManager(connection)
    const bucket = await Bucket.load(writer, client, manager, project)
    const { checkpoint } = bucket
    if (lead.taken && checkpoint && checkpoint.publisher !== lead.id)
      throw new PublisherFenced('another publisher has taken over while this one was cut off')
    // A rebuild publishes nothing: until the projection is where publication was, what NATS has is newer.
    const lateAt = performance.now() + PROJECTION_LATE_MS
    while (!signal.aborted) {
      const { ledger } = model
      if (ledger && !isBehind(model.position, ledger, checkpoint)) {
        const session = new Session(options, lead, ledger, writer, client, manager, bucket)
        await session.begin()
        return session
      }
      if (performance.now() >= lateAt) onWait(new Error(waitingLine(model.position, checkpoint)))
      await model.reached(model.position + 1n, PROJECTION_WAIT_MS)
    }
    return undefined
  }

  /** Whether the log has another epoch by now: every key must be written again. */
  isOutdated(): boolean {
    const { ledger } = this.options.model
    return ledger?.epoch !== this.ledger.epoch || ledger.logId !== this.ledger.logId
  }

  private async begin(): Promise<void> {
    const { model } = this.options
    this.position = await this.resumeAt()
    await this.fence(() => this.saveCheckpoint())
    const known = new Set<string>()
    const at = model.position
    let page: ConfigKey[] = []
    for await (const key of model.keys()) {
      known.add(configKey(key.environment, key.graphId, key.assistantId))
      page.push(key)
      if (page.length < BATCH_EVENTS) continue
      await this.fence(() => this.bucket.write(page, this.ledger))
      page = []
    }
    await this.fence(() => this.bucket.write(page, this.ledger))
    await this.fence(() => this.bucket.bury(known, this.ledger, at))
    await this.publishUpTo(at)
    await this.writeWatermarks()
  }

  /**
   * Where the stream goes on: at the checkpoint when the stream ends there, else after its last message. One that is
   * no event of this log (another log's, or of what a restored copy lost) has others like it before it: the stream is
   * made again, and refilled.
   */
  private async resumeAt(): Promise<bigint> {
    const { project } = this.options
    const { state } = await this.manager.streams.info(eventStream(project))
    this.lastSequence = state.last_seq
    if (state.messages === 0) return 0n
    const { checkpoint } = this.bucket
    const { logId, epoch } = this.ledger
    if (checkpoint?.log_id === logId && checkpoint.epoch === epoch && checkpoint.sequence === state.last_seq)
      return BigInt(checkpoint.position)
    const last = await this.lastMessage(state.last_seq)
    if (await this.isOfThisLog(last)) return last.position
    await this.remake(eventStreamConfig(project))
    this.lastSequence = 0
    return 0n
  }

  private async lastMessage(sequence: number): Promise<{ position: bigint; id: string }> {
    const message = await this.manager.streams.getMessage(eventStream(this.options.project), {
      seq: sequence,
    })
    const position = message?.header.get(POSITION_HEADER)
    if (!message || !position || !/^\d{1,20}$/.test(position))
      throw this.gone('the last message of the event stream cannot be read')
    return { position: BigInt(position), id: message.header.get(ID_HEADER) }
  }

  private async isOfThisLog({ position, id }: { position: bigint; id: string }): Promise<boolean> {
    for await (const event of this.options.log.readAll({ after: position - 1n, limit: 1 }))
      return event.position === position && event.id === id
    return false
  }

  /** Publishes the events up to a position of the projection, and what they make of the keys. */
  async publishUpTo(target: bigint): Promise<void> {
    const { log, project } = this.options
    while (this.position < target) {
      const batch: RecordedEvent[] = []
      const prefixes = [assistantStream(project, '')]
      for await (const event of log.readAll({ after: this.position, prefixes, limit: BATCH_EVENTS })) {
        if (event.position > target) break
        batch.push(event)
      }
      const last = batch.length < BATCH_EVENTS ? target : (batch.at(-1)?.position ?? target)
      await this.fence(() => this.publish(batch, last))
    }
  }

  private async publish(batch: readonly RecordedEvent[], through: bigint): Promise<void> {
    const { model } = this.options
    const contexts = this.contextsOf(batch)
    const touched = [...new Set(batch.map(({ stream }) => assistantIdOf(stream) as string))]
    const [, changed] = await Promise.all([
      this.appendToStream(batch),
      model.keysOf(touched).then((keys) => this.bucket.write(keys, this.ledger, contexts)),
    ])
    this.position = through
    if (batch.length === 0) return
    await Promise.all([this.saveCheckpoint(), ...[...changed].map((graph) => this.writeWatermark(graph))])
  }

  /** The traces of a batch, by position. */
  private contextsOf(batch: readonly RecordedEvent[]): ReadonlyMap<bigint, Context> {
    const { contextOf } = this.options
    const contexts = new Map<bigint, Context>()
    if (contextOf)
      for (const event of batch) {
        const context = contextOf(event)
        if (context) contexts.set(event.position, context)
      }
    return contexts
  }

  private async appendToStream(batch: readonly RecordedEvent[]): Promise<void> {
    const { project } = this.options
    const oldest = Date.now() - RETENTION_DAYS * DAY_MS
    const kept = batch.filter(({ metadata }) => Date.parse((metadata as { at: string }).at) >= oldest)
    const first = this.lastSequence
    await Promise.all(
      kept.map((event, i) => {
        const { headers, body } = eventMessage(event, project)
        const subject = eventSubject(project, assistantIdOf(event.stream) as string)
        return this.writer.write(subject, body, { stream: first + i }, headers)
      }),
    )
    this.lastSequence = first + kept.length
  }

  /** Rewrites the watermark of every declared environment and known graph. */
  async writeWatermarks(): Promise<void> {
    const { environments, graphs, model } = this.options
    const all = new Set<string>()
    for (const graph of new Set([...graphs, ...(await model.graphs())]))
      for (const environment of environments) all.add(graphKey(environment, graph))
    await this.fence(() => Promise.all([...all].map((graph) => this.writeWatermark(graph))))
    // No digest of ours fits a bucket that somebody else has written to: the next session loads it anew.
    if (this.bucket.isForeign) throw new Error('somebody who is no publisher has written to the bucket')
  }

  private writeWatermark(graph: string): Promise<void> {
    return this.bucket.writeWatermark(graph, this.ledger, this.position, this.options.checkpoint?.())
  }

  /** Looks whether a sampled key and the stream's last message are still there, and repairs what is not. */
  async readBack(): Promise<void> {
    const { project, model } = this.options
    if (this.lastSequence > 0) await this.lastMessage(this.lastSequence)
    const names = [...this.bucket.keys]
    const name = names[Math.floor(Math.random() * names.length)]
    if (name === undefined) return
    const [environment, graph, assistantId = ''] = name.split('.')
    const key = (await model.keysOf([assistantId])).find(
      (one) => encodeToken(one.environment) === environment && encodeToken(one.graphId) === graph,
    )
    // What was projected since the look at the model is on its way to the bucket: another sample will tell.
    if (!key || model.position > this.position) return
    const found = await this.lastOf(name)
    const wanted = configValue(key, this.ledger, project)
    if (found?.string() === wanted) return
    // Whatever stands there now is what the repair replaces: also a value that somebody else has written.
    const sequence = found?.seq ?? this.bucket.sequenceOf(name) ?? 0
    await this.fence(() => this.bucket.repair(key, this.ledger, sequence))
    if ((await this.lastOf(name))?.string() !== wanted)
      throw new StreamGone('the bucket does not keep what is written to it', () =>
        this.remake(bucketConfig(project)),
      )
  }

  /**
   * Compares all that NATS has with the log, and repairs it: keys one by one; the stream at its end, or as a whole where
   * it is made again.
   */
  async repair(options: RepairOptions): Promise<RepairReport> {
    const { model, project, log } = this.options
    const { dryRun, recreate, signal } = options
    await this.publishUpTo(model.position)
    const keys = await this.repairKeys(options)
    const { client, manager } = this
    const consumers = await consumersOf(manager, project)
    const { equal, missing, last, lastSequence, differs } = await compareStream(
      { client, manager, log, project },
      this.position,
      options,
    )
    signal.throwIfAborted()
    const through = this.position
    let appended = recreate ? equal + missing : missing
    if (!dryRun && (recreate || missing > 0)) {
      if (recreate) await this.remake(eventStreamConfig(project))
      this.lastSequence = recreate ? 0 : lastSequence
      this.position = recreate ? 0n : last
      const before = this.lastSequence
      await this.publishUpTo(through)
      appended = this.lastSequence - before
    }
    return { keys, events: { equal, appended, ...(differs ? { differs } : {}) }, consumers }
  }

  private async repairKeys({ dryRun, signal, onProgress }: RepairOptions): Promise<RepairReport['keys']> {
    const { model, project } = this.options
    const known = new Set<string>()
    let equal = 0
    let repaired = 0
    const one = async (key: ConfigKey) => {
      const name = configKey(key.environment, key.graphId, key.assistantId)
      known.add(name)
      const found = await this.lastOf(name)
      if (found?.string() === configValue(key, this.ledger, project)) {
        equal += 1
        return
      }
      repaired += 1
      if (!dryRun) await this.bucket.repair(key, this.ledger, found?.seq ?? 0)
    }
    let page: ConfigKey[] = []
    const look = async () => {
      signal.throwIfAborted()
      await this.fence(() => Promise.all(page.map(one)))
      page = []
      onProgress('keys', known.size)
    }
    const at = model.position
    for await (const key of model.keys()) if (page.push(key) === BATCH_EVENTS) await look()
    await look()
    const unknown = this.bucket.unknown(known, this.ledger).length
    if (!dryRun) await this.fence(() => this.bucket.bury(known, this.ledger, at))
    return { equal, repaired, unknown }
  }

  private async lastOf(name: string) {
    const { project } = this.options
    return this.manager.streams.getMessage(bucketStream(project), { last_by_subj: keySubject(project, name) })
  }

  private async saveCheckpoint(): Promise<void> {
    const { logId: log_id, epoch } = this.ledger
    await this.bucket.writeCheckpoint({
      log_id,
      epoch,
      position: String(this.position),
      sequence: this.lastSequence,
      publisher: this.lead.id,
    })
    this.lead.taken = true
  }

  private remake(stream: ReturnType<typeof eventStreamConfig>): Promise<void> {
    return remakeStream(this.manager, stream, this.options.replicas ?? 1)
  }

  private gone(what: string): StreamGone {
    return new StreamGone(what, () => this.remake(eventStreamConfig(this.options.project)))
  }

  /**
   * Tells another publisher's write from one of ours whose acknowledgement was lost: the first is the end. Not before
   * the fence was taken: until then the one before may still write, and the next session looks again.
   */
  private async fence<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } catch (error) {
      if (!(error instanceof UnexpectedSequence) || !this.lead.taken) throw error
      const { project } = this.options
      const { checkpoint } = await Bucket.load(this.writer, this.client, this.manager, project)
      if (checkpoint && checkpoint.publisher !== this.lead.id)
        throw new PublisherFenced('another publisher writes for this project', { cause: error })
      throw error
    }
  }
}

/** Whether more of this log was published than is projected. */
function isBehind(position: bigint, ledger: Ledger, checkpoint: PublishCheckpoint | undefined): boolean {
  if (checkpoint?.log_id !== ledger.logId) return false
  // An epoch that the projection has not seen yet is still to come in the log.
  if (checkpoint.epoch !== ledger.epoch) return checkpoint.epoch > ledger.epoch
  return BigInt(checkpoint.position) > position
}

const waitingLine = (position: bigint, checkpoint: PublishCheckpoint | undefined): string =>
  checkpoint
    ? `the projection is at position ${position}, position ${checkpoint.position} of epoch ${checkpoint.epoch} was published: publication waits for it`
    : `the projection is at position ${position} and knows no log yet: publication waits for it`
