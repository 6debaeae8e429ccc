// Every row of a PostgreSQL schema as text: what `rowsOf` of a SQLite file gives, to be compared with it.
import pg from 'pg'

/** Table by table, in an order that depends on the rows alone. Integers are written as bigints. */
export async function rowsOfSchema(url: string, schema: string): Promise<Record<string, string[]>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      'select tablename as name from pg_tables where schemaname = $1 order by tablename collate "C"',
      [schema],
    )
    const rows: Record<string, string[]> = {}
    for (const { name } of tables) {
      const all = await client.query({
        text: `select * from ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`,
        types: {
          getTypeParser: (type: number) => (INTEGERS.has(type) ? (text: string) => `${text}n` : String),
        } as never,
      })
      rows[name] = all.rows.map((row) => JSON.stringify(row)).sort()
    }
    return rows
  } finally {
    await client.end()
  }
}

const { INT2, INT4, INT8 } = pg.types.builtins
const INTEGERS: ReadonlySet<number> = new Set([INT2, INT4, INT8])
