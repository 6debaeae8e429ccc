// The fleet's part of a batch: reports and presence become rows, each stream in its own order. What a stream's event
// says of a runner replaces what an earlier one said, within a batch as across two.
import {
  type FleetEvent,
  type RunnerReport,
  type RunnersJoined,
  type RunnersLeft,
  readFleetEvent,
} from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { Kysely, Transaction } from 'kysely'
import { RevisionGap } from './errors.js'
import { sortable } from './fleet-schema.js'
import type { Quarantined } from './read-model.js'
import type { Tables } from './schema.js'
import { BulkInsert, Statement, slot } from './statement.js'

type Row = readonly unknown[]

export class FleetProjector {
  private readonly statements: ReturnType<typeof fleetStatements>

  constructor(db: Kysely<Tables>) {
    this.statements = fleetStatements(db)
  }

  /**
   * Projects the events of `fleet.` streams among a batch.
   * @returns the streams that hold an event which cannot be read
   * @throws RevisionGap
   */
  async project(
    transaction: Transaction<Tables>,
    events: readonly RecordedEvent[],
    known: ReadonlyMap<string, Quarantined>,
  ): Promise<Quarantined[]> {
    if (events.length === 0) return []
    const batch = new FleetBatch(transaction, this.statements)
    for (const event of events)
      if (!known.has(event.stream) && !batch.unreadable.has(event.stream)) await batch.take(event)
    await batch.write()
    return [...batch.unreadable.values()]
  }
}

class FleetBatch {
  readonly unreadable = new Map<string, Quarantined>()
  private readonly heads = new Map<string, { revision: number }>()
  private readonly reports: Row[] = []
  private readonly holds = new Map<string, Row>()
  private readonly refused = new Map<string, Row>()

  constructor(
    private readonly transaction: Transaction<Tables>,
    private readonly statements: ReturnType<typeof fleetStatements>,
  ) {}

  async take(stored: RecordedEvent): Promise<void> {
    const { stream, revision, position } = stored
    const head = this.heads.get(stream) ?? (await this.statements.head.first(this.transaction, { stream }))
    const next = BigInt(head?.revision ?? -1) + 1n
    if (revision < next) return
    if (revision > next) throw new RevisionGap(stream, next, revision)
    const event = readFleetEvent(stored)
    if (!event) {
      const reason = `its type ${stored.type} or schema is not known`
      this.unreadable.set(stream, { stream, revision, reason })
      return
    }
    this.heads.set(stream, { revision: Number(revision) })
    await this.apply(event, stream, sortable(position))
  }

  async write(): Promise<void> {
    const { transaction, statements } = this
    await statements.reports.run(transaction, this.reports)
    await statements.holds.run(transaction, [...this.holds.values()])
    await statements.refused.run(transaction, [...this.refused.values()])
    const heads = [...this.heads].map(([stream, { revision }]) => [stream, revision])
    await statements.heads.run(transaction, heads)
  }

  private async apply(event: FleetEvent, stream: string, position: string): Promise<void> {
    switch (event.type) {
      case 'RunnersReported': {
        const assistantId = stream.slice(stream.indexOf('-') + 1)
        for (const report of event.data.reports) this.report(assistantId, report, position)
        return
      }
      case 'RunnersJoined':
        return this.join(event, position)
      case 'RunnersLeft':
        return this.leave(event, position)
      default:
        event satisfies never
    }
  }

  private report(assistantId: string, report: RunnerReport, position: string): void {
    const { environment, runner, instance, revision, status, reason = null, at } = report
    this.reports.push([assistantId, environment, revision, runner, instance, status, reason, at, position])
    const key = JSON.stringify([runner, instance, assistantId, environment])
    const { generation = null, version = null, hash = null } = report
    const on = [assistantId, environment, runner, instance]
    switch (status) {
      case 'active':
        this.holds.set(key, [...on, revision, generation, version, hash, at])
        return
      case 'removed':
        this.holds.set(key, [...on, revision, null, null, null, at])
        return
      case 'rejected':
        this.refused.set(key, [...on, revision, generation, version, hash, at, reason ?? ''])
        return
      default:
        status satisfies never
    }
  }

  /** A stay that nobody has ended is ended by the next one of the same process: it is there once. */
  private async join({ data }: RunnersJoined, position: string): Promise<void> {
    for (const { runner, instance, at } of data.runners)
      await this.statements.leave.run(this.transaction, { runner, instance, at, reason: 'closed', position })
    const rows = data.runners.map(({ runner, instance, at, build, environment, graphs, assistants }) => [
      runner,
      instance,
      position,
      at,
      build ?? null,
      environment,
      JSON.stringify(graphs),
      assistants ? JSON.stringify(assistants) : null,
    ])
    await this.statements.stays.run(this.transaction, rows)
  }

  private async leave({ data }: RunnersLeft, position: string): Promise<void> {
    for (const { runner, instance, at, reason } of data.runners)
      await this.statements.leave.run(this.transaction, { runner, instance, at, reason, position })
  }
}

const LATEST = [
  'assistant_id',
  'environment',
  'runner',
  'instance',
  'revision',
  'generation',
  'version',
  'hash',
  'at',
] as const

function fleetStatements(db: Kysely<Tables>) {
  const upsert = (
    table: 'runner_holds' | 'runner_refused' | 'fleet_streams',
    columns: readonly string[],
    keys: readonly string[],
  ) =>
    new BulkInsert(columns, (rows) =>
      db
        .insertInto(table)
        .values(rows as never)
        .onConflict((conflict) =>
          conflict
            .columns(keys as never)
            .doUpdateSet(
              (eb) =>
                Object.fromEntries(
                  columns
                    .filter((column) => !keys.includes(column))
                    .map((column) => [column, eb.ref(`excluded.${column}` as never)]),
                ) as never,
            ),
        ),
    )
  const key = ['instance', 'runner', 'assistant_id', 'environment']
  return {
    head: new Statement(
      db.selectFrom('fleet_streams').select('revision').where('stream', '=', slot<string>('stream')),
    ),
    heads: upsert('fleet_streams', ['stream', 'revision'], ['stream']),
    holds: upsert('runner_holds', LATEST, key),
    refused: upsert('runner_refused', [...LATEST, 'reason'], key),
    reports: new BulkInsert(
      ['assistant_id', 'environment', 'revision', 'runner', 'instance', 'status', 'reason', 'at', 'position'],
      // A report that is there twice is one report: whoever recorded it could not know.
      (rows) =>
        db
          .insertInto('runner_reports')
          .values(rows as never)
          .onConflict((conflict) => conflict.doNothing()),
    ),
    stays: new BulkInsert(
      ['runner', 'instance', 'joined_position', 'joined_at', 'build', 'environment', 'graphs', 'assistants'],
      (rows) => db.insertInto('runner_stays').values(rows as never),
    ),
    leave: new Statement(
      db
        .updateTable('runner_stays')
        .set({
          left_position: slot<string>('position'),
          left_at: slot<string>('at'),
          left_reason: slot<string>('reason'),
        })
        .where('instance', '=', slot<string>('instance'))
        .where('runner', '=', slot<string>('runner'))
        .where('left_position', 'is', null),
    ),
  }
}
