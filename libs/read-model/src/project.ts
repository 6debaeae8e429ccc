// From events to rows: one batch, one transaction. Rows depend on the events alone, never on how these were cut into
// batches, so that a rebuilt database equals the one that followed live.
import {
  assistantIdOf,
  type Content,
  evolveLedger,
  LIVE,
  type Recorded,
  readEvent,
  UnreadableEvent,
} from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { Kysely } from 'kysely'
import type { Row } from './bulk-insert.js'
import type { Late } from './database.js'
import { Draft, type Earlier, historiesOf, Inconsistent } from './draft.js'
import { CheckpointMoved, RevisionGap, StreamUnreadable } from './errors.js'
import { decodeHistories, encodeHistories } from './history.js'
import { FleetProjector } from './project-fleet.js'
import { GraphProjector } from './project-graphs.js'
import { projectionStatements } from './project-statements.js'
import type { ApplyOptions, Projected, Quarantined } from './read-model.js'
import { Rows, RowWriter } from './rows.js'
import type { Tables } from './schema.js'
import type { Standing } from './standing.js'
import type { Runner } from './statement.js'
import { fold, termsOf } from './terms.js'
import { together } from './together.js'
import { inTransaction } from './transaction.js'
import { turn } from './turn.js'

/** Events after which the requests that wait have their turn, in the middle of a batch. */
const EVENTS_A_TURN = 64

/** The streams of a project, exactly. */
export interface ProjectStreams {
  readonly ledger: string
  /** Beginnings of names. */
  readonly assistants: string
  readonly fleet: string
  readonly graphs: string
}

export class Projector {
  private readonly writer: RowWriter
  private readonly fleet: FleetProjector
  private readonly graphs: GraphProjector
  private readonly statements: ReturnType<typeof projectionStatements>

  constructor(
    private readonly db: Kysely<Tables>,
    private readonly streams: ProjectStreams,
    private readonly late?: Late,
  ) {
    this.writer = new RowWriter(db)
    this.fleet = new FleetProjector(db)
    this.graphs = new GraphProjector(db, streams.graphs)
    this.statements = projectionStatements(db)
  }

  /**
   * Projects a batch and moves the checkpoint to `through`, in one transaction.
   * @throws CheckpointMoved @throws RevisionGap @throws StreamUnreadable @throws ReadModelUnavailable
   */
  apply(
    standing: Standing,
    events: readonly Projected[],
    through: bigint,
    { mayQuarantine = () => true }: ApplyOptions = {},
  ): Promise<Standing> {
    return inTransaction(this.db, async (transaction) => {
      const position = through > standing.position ? through : standing.position
      const of = (beginning: string) => events.filter(({ stream }) => stream.startsWith(beginning))
      const ledger = events
        .filter(({ stream }) => stream === this.streams.ledger)
        .reduce(evolveLedger, standing.ledger)
      const searchable = !this.late?.pending
      const { writer, statements } = this
      const options = { standing, mayQuarantine, searchable }
      const batch = new BatchProjection(transaction, writer, statements, options)
      const assistants = of(this.streams.assistants)
      const [moved] = await together([
        // First of all, so that a second projection waits here instead of failing later.
        this.statements.moveCheckpoint.run(transaction, {
          made: standing.made,
          from: String(standing.position),
          to: String(position),
          logId: ledger?.logId ?? null,
          epoch: ledger?.epoch ?? null,
        }),
        batch.load(earlierStreams(assistants, standing.position)),
      ])
      if (moved.numAffectedRows !== 1n) throw new CheckpointMoved(standing.position)
      const { quarantined } = standing
      const unreadable = [
        ...(await this.fleet.project(transaction, of(this.streams.fleet), quarantined)),
        ...(await this.graphs.project(transaction, of(this.streams.graphs), quarantined)),
      ]
      await batch.project(assistants, unreadable)
      return {
        position,
        ledger,
        nextNo: batch.nextNo,
        quarantined: batch.quarantined,
        made: standing.made,
      }
    })
  }
}

/** The streams that had events before the batch, as far as the events tell. */
function earlierStreams(events: readonly RecordedEvent[], projected: bigint): ReadonlySet<string> {
  const streams = new Set<string>()
  const begun = new Set<string>()
  for (const { stream, revision, position } of events)
    if (revision === 0n && position > projected) begun.add(stream)
    else if (!begun.has(stream)) streams.add(stream)
  return streams
}

interface BatchOptions {
  readonly standing: Standing
  readonly mayQuarantine: (found: Quarantined) => boolean
  /** Whether the terms of searches are kept. */
  readonly searchable: boolean
}

class BatchProjection {
  private readonly rows = new Rows()
  private readonly drafts = new Map<string, Draft>()
  private readonly earlier: Earlier
  nextNo = 0
  quarantined: ReadonlyMap<string, Quarantined>

  constructor(
    private readonly transaction: Runner,
    private readonly writer: RowWriter,
    private readonly statements: ReturnType<typeof projectionStatements>,
    private readonly options: BatchOptions,
  ) {
    this.quarantined = options.standing.quarantined
    this.earlier = {
      graphOf: async (assistantNo, generation, version) =>
        (await statements.graphOf.first(transaction, { assistantNo, generation, version }))?.graph_id,
      promotion: async (assistantNo, environment, revision) => {
        await writer.writePromotions(transaction, this.rows)
        const row = await statements.promotion.first(transaction, { assistantNo, environment, revision })
        return row && { ...row, below: row.below_revision ?? undefined }
      },
    }
  }

  /** @param unreadable streams of others that hold an event which cannot be read */
  async project(events: readonly Projected[], unreadable: readonly Quarantined[]): Promise<void> {
    for (const { stream, revision, reason } of unreadable) this.quarantine(stream, revision, reason)
    let since = 0
    for (const event of events) {
      const taking = this.quarantined.has(event.stream) ? undefined : this.take(event)
      if (taking) await taking
      if (++since % EVENTS_A_TURN === 0) await turn()
    }
    // The database writes what is known while the rest is found out.
    await together([this.writer.writeEvents(this.transaction, this.rows), this.finishAll()])
  }

  private async finishAll(): Promise<void> {
    let since = 0
    for (const draft of this.drafts.values()) {
      const finishing = this.finish(draft)
      if (finishing) await finishing
      if (++since % EVENTS_A_TURN === 0) await turn()
    }
    await this.writer.writeAssistants(this.transaction, this.rows)
  }

  /** At once, but where rows that were written before have to be read: a rebuild takes most of its events without. */
  private take(stored: Projected): Promise<void> | undefined {
    const { stream, revision } = stored
    const draft = this.drafts.get(stream)
    const next = BigInt(draft?.revision ?? -1) + 1n
    if (revision < next) return undefined
    if (revision > next) throw new RevisionGap(stream, next, revision)
    const recorded = this.read(stored)
    if (!recorded) return undefined
    const target = draft ?? new Draft(this.nextNo, stream)
    const isTaken = () => this.isTaken(target)
    try {
      const applying = target.apply(recorded, stored, this.rows, this.earlier)
      return applying ? applying.then(isTaken).catch((error) => this.isDamaged(stored, error)) : isTaken()
    } catch (error) {
      return this.isDamaged(stored, error)
    }
  }

  private isTaken(target: Draft): undefined {
    if (this.drafts.has(target.stream)) return
    this.nextNo += 1
    this.drafts.set(target.stream, target)
  }

  private isDamaged({ stream, revision }: RecordedEvent, error: unknown): undefined {
    if (!(error instanceof Inconsistent)) throw error
    this.quarantine(stream, revision, error.message)
  }

  private read(stored: RecordedEvent): Recorded | undefined {
    try {
      return readEvent(stored)
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error
      this.quarantine(stored.stream, stored.revision, error.why)
      return undefined
    }
  }

  /**
   * The stream stays as it was before this event; searches no longer show it.
   * @throws StreamUnreadable when that is not wanted
   */
  private quarantine(stream: string, revision: bigint, reason: string): void {
    if (!this.options.mayQuarantine({ stream, revision, reason }))
      throw new StreamUnreadable(stream, revision, reason)
    const draft = this.drafts.get(stream)
    if (draft) draft.quarantined = true
    this.quarantined = new Map(this.quarantined).set(stream, { stream, revision, reason })
    this.rows.quarantine.push([stream, Number(revision), reason])
  }

  async load(streams: ReadonlySet<string>): Promise<void> {
    const wanted = new Map<string, string>()
    for (const stream of streams)
      if (!this.quarantined.has(stream)) wanted.set(assistantIdOf(stream) ?? '', stream)
    const { transaction, statements } = this
    const { standing } = this.options
    const [rows, last] = await together([
      statements.load.all(transaction, [...wanted.keys()]),
      standing.nextNo === undefined ? statements.last.first(transaction) : Promise.resolve(undefined),
    ])
    this.nextNo = standing.nextNo ?? (last?.assistant_no ?? 0) + 1
    for (const row of rows) {
      const draft = new Draft(row.assistant_no, wanted.get(row.assistant_id) as string)
      draft.revision = row.revision
      draft.hash = row.hash
      draft.at = row.at
      draft.generation = row.generation
      if (row.created_at !== null && row.highest !== null) {
        const histories = decodeHistories(row.environments)
        draft.life = { createdAt: row.created_at, highest: row.highest, histories }
        if (row.content !== null && row.live_version !== null) {
          const content = JSON.parse(row.content) as Content
          draft.contents.set(row.live_version, content)
          if (row.listed) draft.before = { createdAt: row.created_at, content }
        }
      }
      this.drafts.set(draft.stream, draft)
    }
  }

  /** The assistant's own row and its terms, as the batch leaves them. */
  private finish(draft: Draft): Promise<void> | undefined {
    const live = draft.life?.histories.get(LIVE)?.entries[0]
    const content = live && !draft.quarantined ? draft.contents.get(live.version) : undefined
    if (content || !live || draft.quarantined) {
      this.finishWith(draft, content)
      return undefined
    }
    return this.contentOf(draft, live.version).then((earlier) => this.finishWith(draft, earlier))
  }

  private finishWith(draft: Draft, content: Content | undefined): void {
    const { life, assistantNo, generation } = draft
    const live = life?.histories.get(LIVE)?.entries[0]
    const listed = life && content ? { createdAt: life.createdAt, content } : undefined
    const row: Row = [
      assistantNo,
      draft.assistantId,
      draft.revision,
      draft.hash,
      draft.at,
      generation,
      encodeHistories(historiesOf(draft)),
      life?.highest ?? null,
      life?.createdAt ?? null,
      live?.version ?? null,
      live?.at ?? null,
      listed ? 1 : 0,
      life ? microseconds(life.createdAt) : null,
      listed ? fold(listed.content.name) : null,
      listed ? fold(listed.content.graph_id) : null,
    ]
    this.rows.assistants.push(row)
    if (this.options.searchable) this.reindex(draft, listed)
  }

  private reindex(draft: Draft, now: Draft['before']): void {
    const { before, assistantNo } = draft
    const moved = before?.createdAt !== now?.createdAt
    const old = before ? termsOf(before.content) : new Set<string>()
    const current = now ? termsOf(now.content) : new Set<string>()
    if (before) {
      const terms = [...old].filter((term) => moved || !current.has(term))
      if (terms.length > 0)
        this.rows.goneTerms.push({ created: microseconds(before.createdAt), assistantNo, terms })
    }
    if (!now) return
    const created = microseconds(now.createdAt)
    for (const term of current) if (moved || !old.has(term)) this.rows.term(term, created, assistantNo)
  }

  private async contentOf(draft: Draft, version: number): Promise<Content | undefined> {
    const { assistantNo, generation } = draft
    const row = await this.statements.contentOf.first(this.transaction, { assistantNo, generation, version })
    return row && (JSON.parse(row.content) as Content)
  }
}

/** A recorded time as a number that sorts alike. */
export function microseconds(at: string): number {
  const micros = Number(at.slice(23, 26))
  return Date.parse(`${at.slice(0, 23)}Z`) * 1000 + micros
}
