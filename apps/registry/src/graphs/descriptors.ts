// Which descriptors of a graph are in force: those that runners which are there say they run. Every replica hears them; what
// a descriptor says comes from the read model, and is kept, since a hash never names another one.
import { type GraphDescriptor, LIVE } from '@assistant-ledger/assistant'
import type { DescriptorModel, DescriptorRow } from '@assistant-ledger/read-model'
import { GRAPH_LIMITS } from './limits.js'

/** A descriptor on record, and what it says. */
export interface RegisteredDescriptor extends DescriptorRow {
  readonly descriptor: GraphDescriptor
}

export interface InForce {
  /** Newest registered first; empty: nothing was ever registered. */
  readonly descriptors: readonly RegisteredDescriptor[]
  /**
   * Whether a live runner names one that is not on record, or more are named than are looked at: what fits none of
   * `descriptors` may fit that one.
   */
  readonly incomplete: boolean
}

/** What runners that are there name. */
export interface Running {
  descriptorsOf(graphId: string, environment?: string): ReadonlySet<string>
}

export class GraphDescriptors {
  private readonly kept = new Map<string, GraphDescriptor>()

  constructor(
    private readonly model: DescriptorModel,
    private readonly running: Running,
  ) {}

  /**
   * The descriptors in force for a graph: those that live runners name; when none does, the one registered last.
   * @param environment only runners of this one count; absent: those of any
   * @throws ReadModelUnavailable
   */
  inForce(graphId: string, environment?: string): Promise<InForce> {
    return this.named(graphId, this.running.descriptorsOf(graphId, environment))
  }

  /**
   * The one that is shown of a graph: the newest in force in `live`, else of any environment, else the one registered
   * last; undefined when nothing was ever registered.
   * @throws ReadModelUnavailable
   */
  async shown(graphId: string): Promise<RegisteredDescriptor | undefined> {
    const live = this.running.descriptorsOf(graphId, LIVE)
    const { descriptors } = await this.named(
      graphId,
      live.size > 0 ? live : this.running.descriptorsOf(graphId),
    )
    return descriptors[0]
  }

  private async named(graphId: string, hashes: ReadonlySet<string>): Promise<InForce> {
    const rows: DescriptorRow[] = []
    for (const hash of [...hashes].slice(0, GRAPH_LIMITS.named)) {
      const row = await this.model.registered(graphId, hash)
      if (row) rows.push(row)
    }
    const incomplete = rows.length < hashes.size || rows.length > GRAPH_LIMITS.inForce
    rows.sort((one, other) => Number(other.revision - one.revision))
    if (rows.length === 0) {
      const newest = await this.model.newest(graphId)
      if (newest) rows.push(newest)
    }
    const descriptors = await Promise.all(
      rows.slice(0, GRAPH_LIMITS.inForce).map(async (row) => ({ ...row, descriptor: await this.said(row) })),
    )
    return { descriptors, incomplete }
  }

  private async said({ graphId, hash }: DescriptorRow): Promise<GraphDescriptor> {
    const descriptor = this.kept.get(hash) ?? (await this.model.descriptor(graphId, hash))
    if (!descriptor) throw new Error(`descriptor ${hash} of graph ${graphId} is gone`)
    this.kept.delete(hash)
    this.kept.set(hash, descriptor)
    const [oldest] = this.kept.keys()
    if (this.kept.size > GRAPH_LIMITS.kept) this.kept.delete(oldest as string)
    return descriptor
  }
}
