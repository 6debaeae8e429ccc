// The statements of a batch reach PostgreSQL without waiting for each other's answers: in each wait it would do nothing.
import { EventEmitter, once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { CompiledQuery } from 'kysely'
import pg from 'pg'
import { clientConfig, connections } from '../../libs/read-model/src/postgres/connections.js'
import { together } from '../../libs/read-model/src/together.js'
import { inTransaction } from '../../libs/read-model/src/transaction.js'
import { type Postgres, startPostgres } from '../support/postgres.js'

const DEADLINE_MS = 30_000
const LOCK = 1
const SECOND = 'select 2 as "the second"'

let postgres: Postgres
beforeAll(async () => {
  postgres = await startPostgres()
}, DEADLINE_MS)
afterAll(() => postgres.stop(), DEADLINE_MS)

test(
  'a statement is sent while the one before it is still under way',
  async () => {
    const seen = new EventEmitter()
    const sent = once(seen, 'second')
    const wire = createServer((near) => {
      const far = connect(postgres.port, '127.0.0.1')
      near.pipe(far).pipe(near)
      near.on('data', (chunk) => {
        if (chunk.includes(SECOND)) seen.emit('second')
      })
    }).listen(0, '127.0.0.1')
    await once(wire, 'listening')
    const { port } = wire.address() as AddressInfo
    const url = postgres.url.replace(String(postgres.port), String(port))
    const limits = { most: 1, timeout_ms: DEADLINE_MS, wholly: false }
    const db = connections({ config: clientConfig(url, 'together', {}), ...limits })
    const other = new pg.Client({ connectionString: postgres.url })
    await other.connect()
    try {
      await other.query(`select pg_advisory_lock(${LOCK})`)
      const run = (text: string) => CompiledQuery.raw(text)
      const done = inTransaction(db, (runner) =>
        together([
          runner.executeQuery(run(`select pg_advisory_xact_lock(${LOCK})`)),
          runner.executeQuery(run(SECOND)),
        ]),
      )
      // It cannot come to this before the first is answered when they wait for each other.
      await sent
      await other.query(`select pg_advisory_unlock(${LOCK})`)
      const [, second] = await done
      expect(second.rows).toEqual([{ 'the second': 2 }])
    } finally {
      await other.end()
      await db.destroy()
      wire.close()
    }
  },
  DEADLINE_MS,
)
