// Columns of a batch as PostgreSQL's binary arrays: the server reads back what was written.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import pg from 'pg'
import { int8Array, textArray } from '../../libs/read-model/src/postgres/arrays.js'
import { type Postgres, startPostgres } from '../support/postgres.js'

let server: Postgres
let client: pg.Client
beforeAll(async () => {
  server = await startPostgres()
  client = new pg.Client({ connectionString: server.url })
  await client.connect()
}, 60_000)
afterAll(async () => {
  await client.end()
  await server.stop()
})

test.each([
  [[]],
  [[null]],
  [[0, 1, -1, null, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, 2 ** 53 - 1, 1 - 2 ** 53, 1_700_000_000_000_001]],
])('integers %j', async (values: (number | null)[]) => {
  const { rows } = await client.query('select $1::int8[] as read', [int8Array(values)])
  expect(rows[0].read).toEqual(values.map((value) => (value === null ? null : String(value))))
})

test.each([
  [[]],
  [[null, '', 'null', 'NULL', '{', '"', '\\', ',', ' a ', 'é', '😀', '\u0001', 'x'.repeat(100_000), null]],
])('texts %#', async (values: (string | null)[]) => {
  const { rows } = await client.query('select $1::text[] as read', [textArray(values)])
  expect(rows[0].read).toEqual(values)
})

test('U+0000, which no text of PostgreSQL has, and half a character are U+FFFD', async () => {
  const { rows } = await client.query('select $1::text[] as read', [textArray(['a\u0000b\u0000', '\ud800'])])
  expect(rows[0].read).toEqual(['a\uFFFDb\uFFFD', '\uFFFD'])
})
