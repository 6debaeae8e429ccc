// The table of graphs: every descriptor that was registered. A stream's newest row is also how far it is projected, since
// each of its events has one.
import type { Kysely } from 'kysely'
import { textType } from './dialect.js'
import type { Tables } from './schema.js'

interface GraphDescriptorsTable {
  graph_id: string
  /** Of the graph's stream. */
  revision: number
  hash: string
  /** Padded, as the fleet's are. */
  position: string
  registered_at: string
  runner: string
  build: string | null
  /** The last column: what is before it is read without it. */
  descriptor: string
}

export interface GraphTables {
  graph_descriptors: GraphDescriptorsTable
}

export async function createGraphTables(db: Kysely<Tables>): Promise<void> {
  const { schema } = db
  const text = textType(db)
  await schema
    .createTable('graph_descriptors')
    .addColumn('graph_id', text, (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('hash', text, (c) => c.notNull())
    .addColumn('position', text, (c) => c.notNull())
    .addColumn('registered_at', text, (c) => c.notNull())
    .addColumn('runner', text, (c) => c.notNull())
    .addColumn('build', text)
    .addColumn('descriptor', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('graph_descriptors_pk', ['graph_id', 'revision'])
    .execute()
  await schema
    .createIndex('graph_descriptors_by_hash')
    .on('graph_descriptors')
    .columns(['graph_id', 'hash'])
    .execute()
}
