// The table of containment on each database, as searches answer it; and that PostgreSQL's own `@>` has it the same.
import type { JsonObject } from '@assistant-ledger/assistant'
import { contains, METADATA_CASES, TOP_LEVEL_CASES } from '@assistant-ledger/read-model'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import pg from 'pg'
import { openParts, type Parts } from '../registry/parts.js'
import { startPostgres } from '../support/postgres.js'
import { DATABASES, type Databases, type Place } from './databases.js'

jest.setTimeout(60_000)

const PAGE = { limit: 1000, offset: 0, sort_by: 'created_at', sort_order: 'asc' } as const

describe.each(DATABASES)('searches on %s', (_database, start) => {
  let databases: Databases
  let place: Place
  let parts: Parts
  const made = new Map<string, string>()
  beforeAll(async () => {
    databases = await start()
    place = await databases.place()
    parts = await openParts(await place.open('contained'))
    parts.project()
    const commands = parts.commands()
    for (const [value] of METADATA_CASES)
      if (!made.has(value)) made.set(value, (await commands.create({ metadata: JSON.parse(value) })).id)
    expect(await parts.model.reached(await parts.log.head(), 10_000)).toBe(true)
  })
  afterAll(async () => {
    await parts.close()
    await place.close()
    await databases.stop()
  })

  test.each([...new Set(METADATA_CASES.map(([, pattern]) => pattern))])(
    'find what contains %s',
    async (text) => {
      const metadata = JSON.parse(text) as JsonObject
      const wanted = [...made].filter(([value]) => contains(JSON.parse(value), metadata))
      const { assistants, total } = await parts.model.search({ ...PAGE, metadata, select: ['assistant_id'] })
      expect(assistants.map(({ assistant_id }) => assistant_id)).toEqual(wanted.map(([, id]) => id))
      expect([total, await parts.model.count({ metadata })]).toEqual([wanted.length, wanted.length])
    },
  )
})

test("PostgreSQL's own containment is as the table says", async () => {
  const server = await startPostgres()
  const client = new pg.Client({ connectionString: server.url })
  try {
    await client.connect()
    for (const [value, pattern, contained] of [...METADATA_CASES, ...TOP_LEVEL_CASES]) {
      const { rows } = await client.query('select $1::jsonb @> $2::jsonb as contained', [value, pattern])
      expect([value, pattern, rows[0].contained]).toEqual([value, pattern, contained])
    }
  } finally {
    await client.end()
    await server.stop()
  }
})
