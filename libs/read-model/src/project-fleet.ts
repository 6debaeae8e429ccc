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
import type { Kysely } from 'kysely'
import { BulkInsert, type Row } from './bulk-insert.js'
import { RevisionGap } from './errors.js'
import { sortable } from './fleet-schema.js'
import type { Quarantined } from './read-model.js'
import type { Tables } from './schema.js'
import { ListStatement, type Runner, Statement, slot } from './statement.js'
import { together } from './together.js'

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
    transaction: Runner,
    events: readonly RecordedEvent[],
    known: ReadonlyMap<string, Quarantined>,
  ): Promise<Quarantined[]> {
    if (events.length === 0) return []
    const batch = new FleetBatch(transaction, this.statements)
    await batch.load(new Set(events.map(({ stream }) => stream)))
    for (const event of events)
      if (!known.has(event.stream) && !batch.unreadable.has(event.stream)) await batch.take(event)
    await batch.write()
    return [...batch.unreadable.values()]
  }
}

class FleetBatch {
  readonly unreadable = new Map<string, Quarantined>()
  private readonly heads = new Map<string, number>()
  private readonly moved = new Set<string>()
  private readonly reports: Row[] = []
  private readonly holds = new Map<string, Row>()
  private readonly refused = new Map<string, Row>()

  constructor(
    private readonly transaction: Runner,
    private readonly statements: ReturnType<typeof fleetStatements>,
  ) {}

  async load(streams: ReadonlySet<string>): Promise<void> {
    for (const { stream, revision } of await this.statements.heads.all(this.transaction, [...streams]))
      this.heads.set(stream, revision)
  }

  async take(stored: RecordedEvent): Promise<void> {
    const { stream, revision, position } = stored
    const next = BigInt(this.heads.get(stream) ?? -1) + 1n
    if (revision < next) return
    if (revision > next) throw new RevisionGap(stream, next, revision)
    const event = readFleetEvent(stored)
    if (!event) {
      const reason = `its type ${stored.type} or schema is not known`
      this.unreadable.set(stream, { stream, revision, reason })
      return
    }
    this.heads.set(stream, Number(revision))
    this.moved.add(stream)
    await this.apply(event, stream, sortable(position))
  }

  async write(): Promise<void> {
    const { transaction, statements } = this
    const heads = [...this.moved].map((stream) => [stream, this.heads.get(stream)])
    await together([
      statements.reports.run(transaction, this.reports),
      statements.holds.run(transaction, [...this.holds.values()]),
      statements.refused.run(transaction, [...this.refused.values()]),
      statements.moveHeads.run(transaction, heads),
    ])
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

/** Streams that one statement of SQLite reads the head of. */
const HEADS_SIZES = [1, 16] as const

function fleetStatements(db: Kysely<Tables>) {
  const key = ['instance', 'runner', 'assistant_id', 'environment']
  return {
    heads: new ListStatement(db, HEADS_SIZES, (isOneOf) =>
      db.selectFrom('fleet_streams').select(['stream', 'revision']).where(isOneOf('stream')),
    ),
    moveHeads: new BulkInsert(db, 'fleet_streams', ['stream', 'revision'], ['stream']),
    holds: new BulkInsert(db, 'runner_holds', LATEST, key),
    refused: new BulkInsert(db, 'runner_refused', [...LATEST, 'reason'], key),
    // A report that is there twice is one report: whoever recorded it could not know.
    reports: new BulkInsert(
      db,
      'runner_reports',
      ['assistant_id', 'environment', 'revision', 'runner', 'instance', 'status', 'reason', 'at', 'position'],
      'skip',
    ),
    stays: new BulkInsert(db, 'runner_stays', [
      'runner',
      'instance',
      'joined_position',
      'joined_at',
      'build',
      'environment',
      'graphs',
      'assistants',
    ]),
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
