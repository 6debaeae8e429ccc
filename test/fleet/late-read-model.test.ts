// Receipts and guards over a read model that is late, or gone: the parts in this process, over a real log.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { connect } from '@nats-io/transport-node'
import Database from 'better-sqlite3'
import { type BusReply, LaterReply } from '../../apps/registry/src/bus/contract.js'
import { CommandService } from '../../apps/registry/src/commands/execute.js'
import { Feed } from '../../apps/registry/src/fleet/feed.js'
import { Guards } from '../../apps/registry/src/fleet/guards.js'
import { Receipts } from '../../apps/registry/src/fleet/receipts.js'
import { Watch } from '../../apps/registry/src/fleet/watch.js'
import { LIMITS } from '../../apps/registry/src/limits.js'
import { Project } from '../../apps/registry/src/project.js'
import { Streams } from '../../apps/registry/src/streams.js'
import { until, untilEqual } from '../faults/until.js'
import { openParts, type Parts, PROJECT } from '../registry/parts.js'
import { startNatsServer } from '../support/nats-server.js'

jest.setTimeout(60_000)

const DEADLINE_MS = 10_000
const ENVIRONMENTS = ['live', 'staging']
const SENDER = { actor: { id: 'tester', verified: false, via: 'nats' } } as const

let parts: Parts
let commands: CommandService
let ends: (() => unknown)[]

beforeEach(async () => {
  parts = await openParts()
  const streams = new Streams(parts.log, parts.model, PROJECT, () => {})
  commands = new CommandService(
    parts.log,
    parts.model,
    streams,
    new Project(PROJECT, new Set(ENVIRONMENTS), undefined),
  )
  ends = [() => parts.close()]
})
afterEach(async () => {
  for (const end of ends.reverse()) await end()
})

async function receipts() {
  const nats = await startNatsServer()
  const connection = await connect({ servers: nats.url })
  ends.push(
    () => nats.stop(),
    () => connection.close(),
  )
  const { log, model } = parts
  const feed = new Feed({
    connection,
    project: PROJECT,
    environments: ENVIRONMENTS,
    model,
    tells: () => true,
  })
  return new Receipts(model, new Watch({ project: PROJECT, log, model, feed }))
}

async function receipted(of: Receipts, reply: BusReply, assistantId: string, wait_ms: number) {
  const wanted = { assistantId, environment: 'live', wait: 'converged', wait_ms } as const
  const later = await of.after(Promise.resolve(reply), wanted)
  return (later as LaterReply).reply
}

test('a receipt that the read model cannot give yet is left out, and the answer says why', async () => {
  const projection = parts.project()
  const { id } = await parts.commands().create()
  await projection.stop()
  const updated = await parts.commands().update(id, { name: 'v2' })
  const answer = await receipted(await receipts(), updated, id, 100)
  expect(answer.body).toEqual(updated.body)
  expect(answer.headers['Ledger-Pending']).toBe('read-model')
})

test('a read database that fails while a command waits takes nothing from its answer', async () => {
  parts.project()
  const created = await parts.commands().create()
  const database = new Database(join(parts.directory, 'read-model.db'))
  database.exec('drop table runner_stays')
  database.close()
  const answer = await receipted(await receipts(), created, created.id, 100)
  expect(answer.body).toEqual(created.body)
  expect(answer.headers['Ledger-Pending']).toBe('read-model')
})

test('a guard is judged however late its promotion is projected', async () => {
  const projection = parts.project()
  const { id } = await parts.commands().create()
  await parts.commands().update(id, { name: 'v2' })
  await untilEqual(
    'projected',
    DEADLINE_MS,
    async () => parts.model.position >= (await parts.log.head()),
    true,
  )
  await projection.stop()
  const stopping = new AbortController()
  const { log, model } = parts
  const reports = { newest: async () => 0, areRecorded: async () => true }
  const warned: string[] = []
  const running = new Guards({
    log,
    model,
    project: PROJECT,
    commands,
    reports,
    warn: (line) => warned.push(line),
  }).run(stopping.signal)
  ends.push(async () => {
    stopping.abort()
    await running
  })
  const command = {
    type: 'promote',
    environment: 'live',
    version: 1,
    guard: { min_active: 100, within_ms: 1, on_reject: 'rollback' },
  } as const
  const asked = performance.now()
  const promoted = await commands.execute(
    { verb: 'promote', assistantId: id, givenId: id, request: {}, command },
    { ...SENDER, key: randomUUID() },
  )
  // The command itself has waited for the read model in vain; as long again, and whoever follows has given up too.
  await until(
    'long after',
    DEADLINE_MS,
    () => performance.now() - asked,
    (ms) => ms > 2.5 * LIMITS.readModelWait_ms,
  )
  parts.project()
  const wayBack = Number(promoted.headers['Ledger-Revision']) + 1
  const present = () => model.fleet.promotion(id, 'live', 'now')
  const { answer } = await until('the way back', DEADLINE_MS, present, (one) => one?.revision === wayBack)
  expect(answer?.version).toBe(2)
  expect(warned).toEqual([])
})
