// The graphs' part of a batch: each registration becomes a row, each stream in its own order.
import { decodeToken, type EventMetadata, readGraphEvent } from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { Kysely } from 'kysely'
import { BulkInsert, type Row } from './bulk-insert.js'
import { RevisionGap } from './errors.js'
import { sortable } from './fleet-schema.js'
import type { Quarantined } from './read-model.js'
import type { Tables } from './schema.js'
import { ListStatement, type Runner } from './statement.js'

/** Graphs whose newest revision one statement of SQLite reads. */
const HEADS_SIZES = [1, 16] as const

export class GraphProjector {
  private readonly insert: BulkInsert
  private readonly heads: ListStatement<{ graph_id: string; revision: number }>

  /** @param beginning of the names of the project's graph streams */
  constructor(
    db: Kysely<Tables>,
    private readonly beginning: string,
  ) {
    this.insert = new BulkInsert(db, 'graph_descriptors', [
      'graph_id',
      'revision',
      'hash',
      'position',
      'registered_at',
      'runner',
      'build',
      'descriptor',
    ])
    this.heads = new ListStatement(db, HEADS_SIZES, (isOneOf) =>
      db
        .selectFrom('graph_descriptors')
        .select(({ fn }) => ['graph_id', fn.max('revision').as('revision')])
        .where(isOneOf('graph_id'))
        .groupBy('graph_id'),
    )
  }

  /**
   * Projects the events of `graph.` streams among a batch.
   * @returns the streams that hold an event which cannot be read
   * @throws RevisionGap
   */
  async project(
    transaction: Runner,
    events: readonly RecordedEvent[],
    known: ReadonlyMap<string, Quarantined>,
  ): Promise<Quarantined[]> {
    if (events.length === 0) return []
    const heads = await this.headsOf(transaction, events)
    const unreadable = new Map<string, Quarantined>()
    const rows: Row[] = []
    for (const stored of events) {
      const { stream, revision, position } = stored
      if (known.has(stream) || unreadable.has(stream)) continue
      const next = (heads.get(stream) ?? -1n) + 1n
      if (revision < next) continue
      if (revision > next) throw new RevisionGap(stream, next, revision)
      const event = readGraphEvent(stored)
      if (!event) {
        const reason = `its type ${stored.type} or schema is not known`
        unreadable.set(stream, { stream, revision, reason })
        continue
      }
      heads.set(stream, revision)
      const { hash, runner, build, descriptor } = event.data
      const { at } = stored.metadata as EventMetadata
      rows.push([
        this.graphOf(stream),
        Number(revision),
        hash,
        sortable(position),
        at,
        runner,
        build ?? null,
        JSON.stringify(descriptor),
      ])
    }
    await this.insert.run(transaction, rows)
    return [...unreadable.values()]
  }

  private async headsOf(transaction: Runner, events: readonly RecordedEvent[]): Promise<Map<string, bigint>> {
    const streams = new Map(events.map(({ stream }) => [this.graphOf(stream), stream]))
    const rows = await this.heads.all(transaction, [...streams.keys()])
    return new Map(rows.map(({ graph_id, revision }) => [streams.get(graph_id) as string, BigInt(revision)]))
  }

  private graphOf(stream: string): string {
    return decodeToken(stream.slice(this.beginning.length))
  }
}
