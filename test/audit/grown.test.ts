// The proof past one machine: the log in an event store, the read model in PostgreSQL, two replicas without a key in
// common, of which one takes over from the other.
import { type Checkpoint, readCheckpoint } from '@assistant-ledger/assistant'
import { verify } from '@assistant-ledger/audit'
import { openLogForReading } from '@assistant-ledger/event-log'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import pg from 'pg'
import { PROJECT } from '../faults/commands.js'
import { until } from '../faults/until.js'
import { type Grown, growOut } from '../replicas/grown.js'
import { type BusClient, busClient } from '../support/bus.js'
import type { RegistryProcess } from '../support/registry.js'
import { signingKey } from './installation.js'

jest.setTimeout(120_000)

const DEADLINE_MS = 40_000

let grown: Grown
let bus: BusClient
const keys = [signingKey(), signingKey()] as const
beforeAll(async () => {
  grown = await growOut()
  for (const { key } of keys) {
    await grown.startReplica({ LEDGER_SIGNING_KEY: key.export({ type: 'pkcs8', format: 'pem' }) as string })
  }
  bus = busClient(grown.connection)
})
afterAll(() => grown?.end())

async function checkpoints(): Promise<Checkpoint[]> {
  const signed = (await grown.readLog()).filter(({ type }) => type === 'CheckpointSigned')
  return signed.map(({ data }) => readCheckpoint(data) as Checkpoint)
}

async function proved(trusted = keys.map(({ publicKey }) => publicKey)) {
  const log = await openLogForReading({ eventstoreUrl: grown.store.url, project: PROJECT })
  try {
    return await verify({
      log,
      trusted,
      readModel: { url: grown.postgres.url },
      bus: { connection: grown.connection },
      signal: AbortSignal.timeout(60_000),
    })
  } finally {
    await log.close()
  }
}

test('all agrees after a takeover, and each key is named', async () => {
  const create = () =>
    bus.ask('create', { graph_id: 'writer', name: 'nul \u0000 and é', metadata: { n: [1, 'x'] } })
  for (let n = 0; n < 3; n++) await create()
  await until('a checkpoint', DEADLINE_MS, checkpoints, (all) => all.length > 0)
  const leader = (await grown.leader('publication')) as RegistryProcess
  await grown.kill(leader)
  await grown.otherLeader('publication', leader)
  await create()
  const { answer } = await until(
    'one of each',
    DEADLINE_MS,
    checkpoints,
    (all) => new Set(all.map(({ key }) => key)).size === 2,
  )
  expect(answer.map(({ count }) => count)).toEqual(answer.map(({ count }) => count).toSorted((a, b) => a - b))
  const report = await proved()
  expect(report.differences).toEqual([])
  expect(report.agrees).toBe(true)
  const [first] = keys
  const partly = await proved([first.publicKey])
  expect(partly.differences).toEqual([
    expect.objectContaining({ part: 'checkpoints', what: expect.stringContaining(keys[1].fingerprint) }),
  ])
})

test('a row that was altered in PostgreSQL is named', async () => {
  const client = new pg.Client({ connectionString: grown.postgres.url })
  await client.connect()
  const { rows } = await client.query<{ schema: string }>(
    "select schemaname as schema from pg_tables where tablename = 'versions'",
  )
  await client.query(
    `update ${rows[0]?.schema}.versions set content = replace(content, 'é', 'e') where assistant_no = 2`,
  )
  await client.end()
  const { differences } = await proved()
  expect(differences[0]).toMatchObject({
    part: 'read-model',
    table: 'versions',
    key: 'assistant_no=2 generation=1 version=1',
  })
})
