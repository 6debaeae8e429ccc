// The tables of the fleet: when each runner was there, what it reported of which revision, and what it is on by now.
import type { Kysely } from 'kysely'
import { clustered, textType } from './dialect.js'
import type { Tables } from './schema.js'

/** How far each `fleet.` stream is projected. */
interface FleetStreamsTable {
  stream: string
  revision: number
}

/** One row for each time that a runner was there. Positions are padded texts, so that they sort. */
interface RunnerStaysTable {
  runner: string
  instance: string
  joined_position: string
  joined_at: string
  build: string | null
  environment: string
  graphs: string
  /** The only assistants that it follows; null: all of its graphs. */
  assistants: string | null
  left_position: string | null
  left_at: string | null
  left_reason: string | null
}

/** Every report there was. */
interface RunnerReportsTable {
  assistant_id: string
  environment: string
  revision: number
  runner: string
  instance: string
  status: string
  reason: string | null
  at: string
  position: string
}

/** The last word of each runner on an assistant. */
interface LastWordsTable {
  assistant_id: string
  environment: string
  runner: string
  instance: string
  revision: number
  generation: number | null
  version: number | null
  hash: string | null
  reason: string | null
  at: string
}

/** The newest guarded promotion of an environment; in force as long as the pointer is still at its revision. */
interface GuardsTable {
  assistant_no: number
  environment: string
  revision: number
  at: string
  guard: string
}

/** Each end of an assistant's life: what was in force until then is so no longer. */
interface DeletionsTable {
  assistant_no: number
  revision: number
  generation: number
  at: string
  deleted_by: string
  reason: string | null
}

export interface FleetTables {
  guards: GuardsTable
  deletions: DeletionsTable
  fleet_streams: FleetStreamsTable
  runner_stays: RunnerStaysTable
  runner_reports: RunnerReportsTable
  /** What it is on; without a version when it holds the assistant no longer. */
  runner_holds: LastWordsTable
  /** What it refused last, and why. */
  runner_refused: LastWordsTable
}

/** A position as a text that sorts as the number does: 64 bits have 19 decimal digits. */
export const sortable = (position: bigint): string => String(position).padStart(19, '0')

export async function createFleetTables(db: Kysely<Tables>): Promise<void> {
  const { schema } = db
  const text = textType(db)
  await schema
    .createTable('fleet_streams')
    .addColumn('stream', text, (c) => c.primaryKey())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .execute()
  await schema
    .createTable('guards')
    .addColumn('assistant_no', 'integer', (c) => c.notNull())
    .addColumn('environment', text, (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('at', text, (c) => c.notNull())
    .addColumn('guard', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('guards_pk', ['assistant_no', 'environment'])
    .modifyEnd(clustered(db))
    .execute()
  await schema
    .createTable('deletions')
    .addColumn('assistant_no', 'integer', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('generation', 'bigint', (c) => c.notNull())
    .addColumn('at', text, (c) => c.notNull())
    .addColumn('deleted_by', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addPrimaryKeyConstraint('deletions_pk', ['assistant_no', 'generation'])
    .modifyEnd(clustered(db))
    .execute()
  await schema
    .createTable('runner_stays')
    .addColumn('runner', text, (c) => c.notNull())
    .addColumn('instance', text, (c) => c.notNull())
    .addColumn('joined_position', text, (c) => c.notNull())
    .addColumn('joined_at', text, (c) => c.notNull())
    .addColumn('build', text)
    .addColumn('environment', text, (c) => c.notNull())
    .addColumn('graphs', text, (c) => c.notNull())
    .addColumn('assistants', text)
    .addColumn('left_position', text)
    .addColumn('left_at', text)
    .addColumn('left_reason', text)
    .addPrimaryKeyConstraint('runner_stays_pk', ['instance', 'runner', 'joined_position'])
    .modifyEnd(clustered(db))
    .execute()
  await schema
    .createIndex('runner_stays_open')
    .on('runner_stays')
    .columns(['environment', 'left_position', 'runner'])
    .execute()
  await schema
    .createTable('runner_reports')
    .addColumn('assistant_id', text, (c) => c.notNull())
    .addColumn('environment', text, (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('runner', text, (c) => c.notNull())
    .addColumn('instance', text, (c) => c.notNull())
    .addColumn('status', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('at', text, (c) => c.notNull())
    .addColumn('position', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('runner_reports_pk', [
      'assistant_id',
      'environment',
      'revision',
      'instance',
      'runner',
      'status',
    ])
    .modifyEnd(clustered(db))
    .execute()
  for (const name of ['runner_holds', 'runner_refused'] as const)
    await schema
      .createTable(name)
      .addColumn('assistant_id', text, (c) => c.notNull())
      .addColumn('environment', text, (c) => c.notNull())
      .addColumn('runner', text, (c) => c.notNull())
      .addColumn('instance', text, (c) => c.notNull())
      .addColumn('revision', 'bigint', (c) => c.notNull())
      .addColumn('generation', 'bigint')
      .addColumn('version', 'bigint')
      .addColumn('hash', text)
      .addColumn('reason', text)
      .addColumn('at', text, (c) => c.notNull())
      .addPrimaryKeyConstraint(`${name}_pk`, ['instance', 'runner', 'assistant_id', 'environment'])
      .modifyEnd(clustered(db))
      .execute()
}
