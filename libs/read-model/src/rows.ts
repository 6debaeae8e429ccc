// The rows that a batch of events adds or replaces, gathered first and then written with as few statements as the
// tables allow. Of rows with the same key the last one is written.
import type { Guard } from '@assistant-ledger/assistant'
import type { Kysely } from 'kysely'
import { BulkInsert, type OnConflict, type Row } from './bulk-insert.js'
import type { AssistantsTable, Tables } from './schema.js'
import type { Runner } from './statement.js'
import { type GoneTerms, TermRemover } from './term-remover.js'
import { together } from './together.js'

export class Rows {
  versions: Row[] = []
  promotions: Row[] = []
  readonly deletions: Row[] = []
  private readonly commands = new Map<string, Row>()
  private readonly keys = new Map<string, Row>()
  private readonly guards = new Map<string, Row>()
  readonly graphs = new Set<string>()
  readonly quarantine: Row[] = []
  readonly goneTerms: GoneTerms[] = []
  private readonly terms: Row[] = []
  readonly assistants: Row[] = []

  command(assistantNo: number, commandId: string, outcome: Row): void {
    this.commands.set(`${assistantNo} ${commandId}`, [assistantNo, commandId, ...outcome])
  }

  key(assistantNo: number, environment: string, graph: string, state: Row): void {
    this.graphs.add(graph)
    this.keys.set(JSON.stringify([assistantNo, environment, graph]), [
      assistantNo,
      environment,
      graph,
      ...state,
    ])
  }

  guard(assistantNo: number, environment: string, revision: number, at: string, guard: Guard): void {
    const row = [assistantNo, environment, revision, at, JSON.stringify(guard)]
    this.guards.set(`${assistantNo} ${environment}`, row)
  }

  get guardRows(): Row[] {
    return [...this.guards.values()]
  }

  term(term: string, created: number, assistantNo: number): void {
    this.terms.push([term, created, assistantNo])
  }

  /** In the order of the index: neighbours go to the same page of it. */
  get termRows(): Row[] {
    return this.terms.sort(([a], [b]) => ((a as string) < (b as string) ? -1 : a === b ? 0 : 1))
  }

  get commandRows(): Row[] {
    return [...this.commands.values()]
  }

  get keyRows(): Row[] {
    return [...this.keys.values()]
  }
}

/** In the order in which rows list their values. */
export const ASSISTANT_COLUMNS = [
  'assistant_no',
  'assistant_id',
  'revision',
  'hash',
  'at',
  'generation',
  'environments',
  'highest',
  'created_at',
  'live_version',
  'updated_at',
  'listed',
  'created_us',
  'name_folded',
  'graph_folded',
] as const satisfies readonly (keyof AssistantsTable)[]

const COLUMNS = {
  assistants: ASSISTANT_COLUMNS,
  versions: ['assistant_no', 'generation', 'version', 'graph_id', 'created_at', 'content'],
  promotions: [
    'assistant_no',
    'environment',
    'revision',
    'generation',
    'version',
    'at',
    'below_revision',
    'replaces',
    'is_rollback',
    'position',
    'guard',
    'promoted_by',
    'reason',
    'imported_at',
  ],
  deletions: ['assistant_no', 'revision', 'generation', 'at', 'position', 'deleted_by', 'reason'],
  commands: ['assistant_no', 'command_id', 'command_hash', 'revision', 'generation', 'version', 'updated_at'],
  config_keys: [
    'assistant_no',
    'environment',
    'graph_id',
    'state',
    'moved_to',
    'generation',
    'version',
    'revision',
    'position',
    'promoted_at',
    'promoted_by',
  ],
  search_terms: ['term', 'created_us', 'assistant_no'],
  graphs: ['graph_id'],
  quarantine: ['stream', 'revision', 'reason'],
  guards: ['assistant_no', 'environment', 'revision', 'at', 'guard'],
} as const

type Written = keyof typeof COLUMNS

/** Writes rows; the statements are compiled once. */
export class RowWriter {
  private readonly inserts: Record<Written, BulkInsert>
  private readonly termRemover: TermRemover

  constructor(db: Kysely<Tables>) {
    const insert = (table: Written, onConflict?: OnConflict) =>
      new BulkInsert(db, table, COLUMNS[table], onConflict)
    this.inserts = {
      assistants: insert('assistants', ['assistant_no']),
      versions: insert('versions'),
      promotions: insert('promotions'),
      deletions: insert('deletions'),
      commands: insert('commands', ['assistant_no', 'command_id']),
      config_keys: insert('config_keys', ['assistant_no', 'environment', 'graph_id']),
      search_terms: insert('search_terms'),
      graphs: insert('graphs', 'skip'),
      quarantine: insert('quarantine'),
      guards: insert('guards', ['assistant_no', 'environment']),
    }
    this.termRemover = new TermRemover(db)
  }

  /** What the events themselves say. In any order: no row stands in another's way. */
  async writeEvents(runner: Runner, rows: Rows): Promise<void> {
    const { inserts } = this
    const graphs = [...rows.graphs].map((graph) => [graph])
    await together([
      inserts.versions.run(runner, rows.versions),
      this.writePromotions(runner, rows),
      inserts.deletions.run(runner, rows.deletions),
      inserts.commands.run(runner, rows.commandRows),
      inserts.config_keys.run(runner, rows.keyRows),
      inserts.graphs.run(runner, graphs),
      inserts.quarantine.run(runner, rows.quarantine),
      inserts.guards.run(runner, rows.guardRows),
    ])
  }

  /** What they leave of the assistants. In any order: no term is removed and added. */
  async writeAssistants(runner: Runner, rows: Rows): Promise<void> {
    const { inserts } = this
    await together([
      this.termRemover.run(runner, rows.goneTerms),
      inserts.search_terms.run(runner, rows.termRows),
      inserts.assistants.run(runner, rows.assistants),
    ])
  }

  /** Writes the promotions gathered so far, for whoever must read them back before the batch is done. */
  async writePromotions(runner: Runner, rows: Rows): Promise<void> {
    const { promotions } = rows
    rows.promotions = []
    await this.inserts.promotions.run(runner, promotions)
  }
}
