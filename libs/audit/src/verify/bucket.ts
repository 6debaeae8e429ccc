// The config bucket against what the log gives: every key and tombstone, none more, none less, and each watermark's count
// and digest. The service writes meanwhile: what does not agree is looked at again, with the log read on, until it does or
// has had its time.

import { setTimeout as pause } from 'node:timers/promises'
import type { Ledger } from '@assistant-ledger/assistant'
import {
  bucketStream,
  configKey,
  configValue,
  keySubject,
  PUBLISHER_KEY,
  WATERMARK,
  watermarkKey,
} from '@assistant-ledger/change-feed'
import type { ConfigKey, ReadModel } from '@assistant-ledger/read-model'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { DigestOf, type Doubt, type Entry, readEntry, tombstoneFault } from './bucket-values.js'
import type { Findings } from './findings.js'
import type { HeldCheckpoints } from './held.js'
import type { Pass } from './pass.js'
import { type Bus, readStored } from './stored.js'

/** Keys that are looked up at a time. */
const LOOKED_UP = 64
/** Keys in doubt that are looked at again; more than that are no delay of the publisher. */
const DOUBTS = 2_000
const LOOK_EVERY_MS = 500

export interface BucketOptions {
  readonly bus: Bus
  readonly project: string
  readonly model: ReadModel
  readonly pass: Pass
  /** How long what does not agree may take until it does. */
  readonly patience_ms: number
  readonly held: HeldCheckpoints
  readonly findings: Findings
  readonly signal: AbortSignal
  onProgress(keys: number): void
}

/** @returns keys that were compared */
export async function compareBucket(options: BucketOptions): Promise<number> {
  const check = new BucketCheck(options, await jetstreamManager(options.bus.connection))
  return check.run()
}

class BucketCheck {
  private readonly doubts = new Map<string, Doubt>()
  private readonly digests = new Map<string, DigestOf>()
  private readonly watermarks = new Map<string, Entry>()
  private keys = 0
  /** Of them, those that the log does not know. */
  private unknown = 0

  constructor(
    private readonly options: BucketOptions,
    private readonly manager: JetStreamManager,
  ) {}

  async run(): Promise<number> {
    const { signal, findings, patience_ms } = this.options
    await this.read()
    await this.findMissing()
    const until = performance.now() + patience_ms
    for (;;) {
      await this.settle()
      const graphs = this.differingGraphs()
      if ((this.doubts.size === 0 && graphs.length === 0) || performance.now() > until) break
      await pause(LOOK_EVERY_MS, undefined, { signal })
      for (const graph of graphs) await this.read(graph)
    }
    for (const [key, what] of this.doubts) findings.add('bucket', { key, ...what.place }, what.what)
    for (const graph of this.differingGraphs())
      findings.add('bucket', { key: watermarkKey(graph) }, this.watermarkFault(graph) as string)
    await this.checkCheckpoints()
    return this.keys
  }

  /** All keys, or those of one graph once more. */
  private async read(graph?: string): Promise<void> {
    const { bus, project, signal, onProgress } = this.options
    const subject = keySubject(project, graph === undefined ? '>' : `${graph}.>`)
    const prefix = keySubject(project, '').length
    if (graph !== undefined) this.digests.delete(graph)
    let waiting: { key: string; body: string }[] = []
    const stored = { stream: bucketStream(project), which: 'last-per-subject', subject, signal } as const
    for await (const message of readStored(bus, stored)) {
      const key = message.subject.slice(prefix)
      const body = message.string()
      if (key === PUBLISHER_KEY) continue
      if (key.endsWith(`.${WATERMARK}`)) this.watermarks.set(graphOf(key), readEntry(body))
      else {
        const digest = this.digests.get(graphOf(key)) ?? new DigestOf()
        this.digests.set(graphOf(key), digest)
        digest.add(key, readEntry(body))
        if (graph === undefined) waiting.push({ key, body })
      }
      if (waiting.length < LOOKED_UP) continue
      await this.compare(waiting)
      waiting = []
      onProgress(this.keys)
    }
    await this.compare(waiting)
  }

  private async compare(found: readonly { key: string; body: string }[]): Promise<void> {
    if (found.length === 0) return
    const wanted = await this.wantedOf(found.map(({ key }) => key))
    for (const { key, body } of found) {
      this.keys += 1
      if (!wanted.has(key)) this.unknown += 1
      this.judge(key, body, wanted.get(key))
    }
  }

  /** What the log gives for these keys, by the assistants that they are of. */
  private async wantedOf(keys: readonly string[]): Promise<Map<string, ConfigKey>> {
    const ids = new Set(keys.map((key) => key.split('.')[2] ?? ''))
    const wanted = await this.options.model.keysOf([...ids])
    return new Map(wanted.map((key) => [nameOf(key), key]))
  }

  private judge(key: string, body: string | undefined, wanted: ConfigKey | undefined): void {
    const doubt = this.doubtOf(body, wanted)
    if (!doubt) this.doubts.delete(key)
    else if (this.doubts.size < DOUBTS || this.doubts.has(key)) this.doubts.set(key, doubt)
  }

  private doubtOf(body: string | undefined, wanted: ConfigKey | undefined): Doubt | undefined {
    const { project, model } = this.options
    const ledger = model.ledger as Ledger
    if (!wanted) {
      const what = body === undefined ? undefined : tombstoneFault(readEntry(body), ledger)
      return what === undefined ? undefined : { what, place: {} }
    }
    const place = { revision: Number(wanted.revision), stream: `assistant.${project}-${wanted.assistantId}` }
    if (body === undefined) return { what: 'it is missing', place }
    if (body === configValue(wanted, ledger, project)) return undefined
    const { epoch, revision } = readEntry(body)
    const same = revision === Number(wanted.revision) && epoch === ledger.epoch
    const what = same
      ? 'its value is not what the log gives at this revision'
      : `it is at revision ${revision} in epoch ${epoch}, and the log gives revision ${wanted.revision} in epoch ${ledger.epoch}`
    return { what, place }
  }

  /** Keys that the log gives and no message had: as long as there are any, each is asked for. */
  private async findMissing(): Promise<void> {
    const { model, signal } = this.options
    let wanted = 0
    for await (const _ of model.keys()) wanted += 1
    if (wanted <= this.keys - this.unknown) return
    for await (const key of model.keys()) {
      signal.throwIfAborted()
      if (this.doubts.size >= DOUBTS) return
      const name = nameOf(key)
      this.judge(name, await this.bodyOf(name), key)
    }
  }

  /** Looks once more at what is in doubt, with the log read on to its end. */
  private async settle(): Promise<void> {
    if (this.doubts.size === 0) return
    const { pass } = this.options
    const keys = [...this.doubts.keys()]
    const bodies = new Map<string, string | undefined>()
    for (const key of keys) bodies.set(key, await this.bodyOf(key))
    // The log after the bucket: nothing that was published can be beyond it.
    await pass.toEnd()
    for (let at = 0; at < keys.length; at += LOOKED_UP) {
      const some = keys.slice(at, at + LOOKED_UP)
      const wanted = await this.wantedOf(some)
      for (const key of some) this.judge(key, bodies.get(key), wanted.get(key))
    }
  }

  private async bodyOf(key: string): Promise<string | undefined> {
    const { project } = this.options
    const subject = keySubject(project, key)
    const message = await this.manager.streams.getMessage(bucketStream(project), { last_by_subj: subject })
    return message?.string()
  }

  /** What runners are told of how far the log was signed: it was in the log before it was in a watermark. */
  private async checkCheckpoints(): Promise<void> {
    const { held, findings } = this.options
    for (const [graph, { checkpoint }] of this.watermarks) {
      if (checkpoint === undefined) continue
      const what = checkpoint ? await held.faultOf(checkpoint) : 'its checkpoint cannot be read'
      if (what !== undefined) findings.add('bucket', { key: watermarkKey(graph) }, what)
    }
  }

  private differingGraphs(): string[] {
    const graphs = new Set([...this.digests.keys(), ...this.watermarks.keys()])
    return [...graphs].filter((graph) => this.watermarkFault(graph) !== undefined)
  }

  private watermarkFault(graph: string): string | undefined {
    const { ledger } = this.options.model
    const mark = this.watermarks.get(graph)
    if (!mark) return 'it is missing, and the graph has keys'
    if (mark.log_id !== ledger?.logId || mark.epoch !== ledger?.epoch)
      return `it is of log ${mark.log_id}, epoch ${mark.epoch}`
    const { count, hex } = this.digests.get(graph) ?? new DigestOf()
    if (mark.count === count && mark.digest === hex) return undefined
    return `its count is ${mark.count} and its digest ${mark.digest}, and those of the keys there are ${count} and ${hex}`
  }
}

const nameOf = ({ environment, graphId, assistantId }: ConfigKey): string =>
  configKey(environment, graphId, assistantId)

/** `<environment>.<graph>`, as tokens. */
const graphOf = (key: string): string => key.split('.', 2).join('.')
