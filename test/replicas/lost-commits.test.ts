// A PostgreSQL that is killed lacks what it has committed last: the projection does not wait for its disk. Replicas
// remember more than there is then, and go by what there is.
import { PROJECTION_VERSION } from '@assistant-ledger/read-model'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { PROJECT } from '../faults/commands.js'
import { readBucket } from '../faults/records.js'
import { until, untilEqual } from '../faults/until.js'
import { type On, TestRunner } from '../fleet/runner.js'
import { busClient } from '../support/bus.js'
import { type Grown, growOut } from './grown.js'
import { expectRebuildsEqual } from './rows.js'

const DEADLINE_MS = 30_000
const KILLS = 3
const REPORTS = 5

let grown: Grown
beforeEach(async () => {
  // As on a machine that is slow to write: what was committed in the last seconds is in memory only.
  grown = await growOut({ replicas: 2, settings: { wal_writer_delay: '10s' } })
}, 120_000)
afterEach(() => grown.end(), 60_000)

test('what was recorded is recorded once, though the rows that say so are lost', async () => {
  const bus = busClient(grown.connection)
  const { assistant_id } = await bus.ask('create', { graph_id: 'writer' })
  const bucket = () => readBucket(grown.connection)
  const { answer } = await until('a key', DEADLINE_MS, bucket, ({ size }) => size > 0)
  const logId = [...answer.values()][0]?.log_id as string
  const runners = Array.from({ length: REPORTS }, (_, n) => {
    const runner = new TestRunner(grown.connection, { name: `runner-${n}`, logId }).come()
    grown.defer(() => runner.silence())
    return runner
  })
  const standing = () => bus.ask<On & { active: object[] }>('fleet', { assistant_id })
  const rowsLost: boolean[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    await bus.ask('update', { assistant_id, name: `${kill}` })
    const on = await standing()
    await Promise.all(runners.map((runner) => runner.active(on)))
    await until('the reports', DEADLINE_MS, standing, ({ active }) => active.length === REPORTS)
    const position = `select position from ledger_${PROJECT}_v${PROJECTION_VERSION}.checkpoint`
    const [before] = await grown.query<{ position: string }>(position)
    await grown.postgres.kill()
    // They come once more, as what was not acknowledged does, and wait for whoever leads next.
    await Promise.all(
      runners.map((runner) => runner.report(on, 'active', {}, `${runner.name} again ${kill}`)),
    )
    await grown.postgres.restart()
    const [after] = await grown.query<{ position: string }>(position)
    rowsLost.push(after?.position !== before?.position)
    await untilEqual(
      'the reports again',
      DEADLINE_MS,
      async () => (await standing().catch(() => undefined))?.active.length,
      REPORTS,
    )
  }
  // Otherwise nothing was tested.
  expect(rowsLost).toContain(true)
  const marker = await bus.ask('update', { assistant_id, name: 'last', wait: 'converged', wait_ms: 1_000 })
  expect(marker).toMatchObject({ name: 'last' })
  const reports = (await grown.readLog()).flatMap(({ type, data }) =>
    type === 'RunnersReported' ? (data as { reports: { runner: string; revision: number }[] }).reports : [],
  )
  const words = reports.map(({ runner, revision }) => `${runner} ${revision}`)
  expect(words).toHaveLength(KILLS * REPORTS)
  expect(new Set(words).size).toBe(words.length)
  for (const replica of grown.replicas) await replica.stop()
  const log = await grown.openLog()
  grown.defer(() => log.close())
  await expectRebuildsEqual(log, grown.postgres.url, await grown.postgres.createDatabase('rebuilt'))
}, 180_000)
