// The queries' answers, from the read model; a get by id also folds what the projection has not seen yet, so that
// what was created can be read whatever the projection does.
import { contentHash, type JsonObject, type JsonValue, LIVE, refuse } from '@assistant-ledger/assistant'
import type { EventLog } from '@assistant-ledger/event-log'
import {
  FilterTooLarge,
  matches,
  type ReadModel,
  ResultTooLarge,
  StreamUnreadable,
} from '@assistant-ledger/read-model'
import type { Filter } from '../auth/authorizer.js'
import { BusReply, JsonText, RefusalError } from '../bus/contract.js'
import { assistantOf } from '../commands/answer.js'
import { invalid } from '../envelope.js'
import { idOf } from '../fields.js'
import { LIMITS } from '../limits.js'
import type { Project } from '../project.js'
import { type Streams, unreadable } from '../streams.js'
import { unknownEnvironment } from './environments.js'
import { Places } from './places.js'
import type { CountRequest, GetRequest, SearchRequest, VersionRequest, VersionsRequest } from './requests.js'

/**
 * What is asked for with a filter (`visible`) is answered as if nothing but what matches it were there: see
 * `auth/authorizer.ts`.
 */
export class QueryService {
  private readonly places = new Places(LIMITS.contentQueries)

  constructor(
    private readonly model: ReadModel,
    private readonly streams: Streams,
    private readonly project: Project,
    /** The log, where this process alone writes it: what is beyond its end is nothing to wait for. */
    private readonly own?: Pick<EventLog, 'head'>,
  ) {}

  /**
   * Waits until the read model has reached a position, a bounded time.
   * @throws RefusalError `unavailable`, or `invalid-request` for a position that a log of our own does not have
   */
  async reached(position: bigint): Promise<void> {
    const end = position > this.model.position ? await this.own?.head() : undefined
    if (end !== undefined && position > end)
      throw invalid(
        `Ledger-Min-Position ${position} is beyond the end of the log, ${end}: it is of another log, or of one that was restored; ask without it`,
        'ledger-min-position',
      )
    if (await this.model.reached(position, LIMITS.minPositionWait_ms)) return
    throw new RefusalError(
      refuse('unavailable', `The read model is at position ${this.model.position}, not yet at ${position}`),
    )
  }

  async get({ assistant_id, environment }: GetRequest, visible?: Filter): Promise<BusReply> {
    if (!this.project.environments.has(environment))
      throw unknownEnvironment(environment, this.project.environments)
    const assistantId = idOf(assistant_id)
    const found = await this.fromRow(assistantId, environment, visible)
    return found ?? this.fromStream(assistantId, environment, visible)
  }

  /** @throws RefusalError `too-large` as soon as more was read than a reply may have */
  async search(request: SearchRequest, mostBytes: number, visible?: Filter): Promise<BusReply> {
    const { limit, offset, sort_by, sort_order, select } = request
    const page = { limit, offset, sort_by, sort_order, ...(select ? { select } : {}), mostBytes }
    const { position } = this.model
    const { assistants, total } = await this.places.take(() =>
      readable(this.model.search({ ...filterOf(request, visible), ...page }), '`limit` or `select`'),
    )
    const next = offset + assistants.length
    return new BusReply(assistants as unknown as JsonValue, {
      'Ledger-Position': String(position),
      'X-Pagination-Total': String(total),
      ...(assistants.length > 0 && next < total ? { 'X-Pagination-Next': String(next) } : {}),
    })
  }

  async count(request: CountRequest, visible?: Filter): Promise<BusReply> {
    const { position } = this.model
    const matching = await this.places.take(() => readable(this.model.count(filterOf(request, visible))))
    return new BusReply(matching, { 'Ledger-Position': String(position) })
  }

  /**
   * An empty list is refused as `not-found`, as LangGraph's servers do.
   * @throws RefusalError `too-large` as soon as more was read than a reply may have
   */
  async versions(
    { assistant_id, metadata, limit, offset }: VersionsRequest,
    mostBytes: number,
    visible?: Filter,
  ): Promise<BusReply> {
    const { position } = this.model
    const assistantId = idOf(assistant_id)
    const page = { ...filterOf({ metadata }, visible), limit, offset, mostBytes }
    const versions = await this.places.take(() => readable(this.model.versions(assistantId, page), '`limit`'))
    if (versions.length === 0) throw notFound(`No version of assistant ${assistantId} matches`)
    return new BusReply(versions as unknown as JsonValue, { 'Ledger-Position': String(position) })
  }

  /** Where each environment of an assistant points, in the order they are declared; all as of one moment. */
  async environments(
    { assistant_id }: { readonly assistant_id: string },
    visible?: Filter,
  ): Promise<BusReply> {
    const assistantId = idOf(assistant_id)
    if (visible) await this.get({ assistant_id, environment: LIVE }, visible)
    const { life, head } = await this.streams.load(assistantId)
    if (!life) throw notFound()
    const body = [...this.project.environments].map((environment) => {
      const pointer = life.environments.get(environment)
      return { environment, version: pointer?.version ?? null, updated_at: pointer?.at ?? null }
    })
    return new BusReply(body, this.seenAt(head?.revision ?? 0n))
  }

  /** Of an earlier life only the version itself has to be visible: what is there now may be anybody's. */
  async version({ assistant_id, version, generation }: VersionRequest, visible?: Filter): Promise<BusReply> {
    const { position } = this.model
    const assistantId = idOf(assistant_id)
    const seen = !visible || (await this.sees(assistantId, visible, generation))
    if (!seen && generation === undefined) throw notFound()
    const row = seen ? await readable(this.model.version(assistantId, version, generation)) : undefined
    const found = row && isVisible(row.metadata, visible) ? row : undefined
    if (!found) throw await this.noVersion(assistantId, version, generation)
    const { graph_id, name, description, config, context, metadata } = found
    const hash = contentHash({ graph_id, name, description, config, context, metadata })
    return new BusReply({ ...found, content_hash: hash } as unknown as JsonObject, {
      'Ledger-Position': String(position),
    })
  }

  /** Whether what is live may be seen; where only an earlier life is asked for, nothing is in its way. */
  private async sees(assistantId: string, visible: Filter, generation?: number): Promise<boolean> {
    const row = await readable(this.model.assistant(assistantId, LIVE))
    if (generation !== undefined && row?.generation !== generation) return true
    return row !== undefined && isVisible(row.assistant.metadata, visible)
  }

  private async noVersion(assistantId: string, version: number, generation?: number): Promise<RefusalError> {
    const row = generation === undefined ? await this.model.assistant(assistantId, LIVE) : undefined
    if (generation === undefined && !row) return notFound()
    const of = generation === undefined ? '' : ` of generation ${generation}`
    return new RefusalError(
      refuse('version-not-found', `Version ${version}${of} not found for assistant ${assistantId}`),
    )
  }

  /** The row alone, when the stream has nothing newer: the common case. */
  private async fromRow(
    assistantId: string,
    environment: string,
    visible: Filter | undefined,
  ): Promise<BusReply | undefined> {
    // Asked all the same it would keep every get waiting until it is given up.
    if (!this.model.available) return undefined
    // Of two rows at different revisions none could say whether the other may be seen.
    if (visible && environment !== LIVE) return undefined
    const { position } = this.model
    const row = await this.model.assistant(assistantId, environment).catch(() => undefined)
    if (!row) return undefined
    if (this.streams.mayGoPast(assistantId, position))
      for await (const _ of this.streams.events(assistantId, row.revision + 1n)) return undefined
    if (visible && !isVisible(row.assistant.metadata, visible)) throw notFound()
    return new BusReply(new JsonText(row.json), this.seenAt(row.revision))
  }

  private async fromStream(
    assistantId: string,
    environment: string,
    visible: Filter | undefined,
  ): Promise<BusReply> {
    const state = await this.streams.load(assistantId)
    const { life } = state
    if (!life || !(await this.streams.isVisible(assistantId, state, visible))) throw notFound()
    const pointer = life.environments.get(environment)
    if (!pointer) throw notFound(`The assistant has no version in environment ${environment} yet`)
    const { version, at: updatedAt } = pointer
    const content = await this.streams.contentOf(assistantId, state, version)
    if (!isVisible(content.metadata, visible)) throw notFound()
    const times = { createdAt: life.createdAt, updatedAt }
    return new BusReply(
      assistantOf(assistantId, version, content, times),
      this.seenAt(state.head?.revision ?? 0n),
    )
  }

  private seenAt(revision: bigint): Record<string, string> {
    return { 'Ledger-Revision': String(revision), 'Ledger-Position': String(this.model.position) }
  }
}

/**
 * What the read model does not answer is refused for what it is.
 * @param lessBy the fields that make the answer smaller
 */
async function readable<T>(asked: Promise<T>, lessBy = ''): Promise<T> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof FilterTooLarge)
      throw new RefusalError(refuse('invalid-request', error.message, { field: 'metadata' }))
    if (error instanceof ResultTooLarge)
      throw new RefusalError(
        refuse(
          'too-large',
          `The reply would have more than the ${error.mostBytes} bytes that are allowed; ask for less by ${lessBy}`,
        ),
      )
    if (error instanceof StreamUnreadable) throw unreadable(error)
    throw error
  }
}

const notFound = (detail = 'Assistant not found') => new RefusalError(refuse('not-found', detail))

const isVisible = (metadata: JsonObject, visible: Filter | undefined): boolean =>
  visible === undefined || matches(metadata, visible)

function filterOf(
  { metadata, graph_id, name }: { [Field in keyof CountRequest]: CountRequest[Field] | undefined },
  visible: Filter | undefined,
) {
  return {
    ...(visible === undefined ? {} : { visible }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(graph_id === undefined ? {} : { graph_id }),
    ...(name === undefined ? {} : { name }),
  }
}
