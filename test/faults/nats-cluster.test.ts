// A NATS cluster that loses the server which leads the bucket, and then the one that leads the feed: what was
// acknowledged is there, every event is in the feed once and in order, and runners converge without another write.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { followAssistants } from '@assistant-ledger/client'
import { afterEach, expect, test } from '@jest/globals'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { startNatsCluster } from '../support/nats-cluster.js'
import { startRegistry } from '../support/registry.js'
import { type Assistant, ask, askUntilAcknowledged } from './commands.js'
import { expectEachOnce, expectSameOrder, feedOf, MARK } from './expectations.js'
import { held } from './held.js'
import { assistantEvents, BUCKET, FEED, readFeed, readLog } from './records.js'
import { until, untilEqual } from './until.js'

const ASSISTANTS = 8
const LANES = 4
const PROGRESS_DEADLINE_MS = 60_000
const CONVERGED_DEADLINE_MS = 40_000
const LEADER_DEADLINE_MS = 30_000
const COMMANDS_BETWEEN = 20

const ends: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
}, 60_000)

test('the servers that lead bucket and feed die one after the other, under load', async () => {
  const cluster = await startNatsCluster()
  ends.push(() => cluster.stop())
  const dataDir = await mkdtemp(join(tmpdir(), 'assistant-ledger-cluster-'))
  ends.push(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }))
  const registry = await startRegistry({
    natsUrl: cluster.urls.join(','),
    dataDir,
    env: { NATS_REPLICAS: '3' },
  })
  ends.push(() => registry.stop())
  const connection = await connect({
    servers: [...cluster.urls],
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
  })
  ends.push(() => connection.close())
  const runner = await followAssistants({
    servers: [...cluster.urls],
    environment: 'live',
    graphs: ['writer'],
    runner: { name: 'in-a-cluster', build: 'test' },
  })
  ends.push(() => runner.close())
  const manager = await jetstreamManager(connection)
  // Whoever leads the cluster itself may be the one that was killed: nobody answers until there is another.
  const leaderOf = async (stream: string) => {
    const named = async () => (await manager.streams.info(stream)).cluster?.leader
    const { answer } = await until(`a leader of ${stream}`, LEADER_DEADLINE_MS, named, Boolean)
    return cluster.named(answer as string)
  }
  for (const stream of [BUCKET, FEED])
    expect((await manager.streams.info(stream)).config.num_replicas).toBe(3)

  const ids = Array.from({ length: ASSISTANTS }, (): string => randomUUID())
  const acknowledged: string[] = []
  const last = new Map<string, string>()
  let newest = 0n
  let underLoad = true
  const load = Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      for (let round = 0; underLoad; round++) {
        const index = (lane + round * LANES) % ASSISTANTS
        const assistant_id = ids[index] as string
        const mark = `mark-${lane}-${round}`
        const first = !last.has(assistant_id)
        const body = { assistant_id, ...(first ? { graph_id: 'writer' } : {}), context: { [MARK]: mark } }
        const command = { verb: first ? 'create' : 'update', key: mark, body }
        const { position } = await askUntilAcknowledged(connection, command)
        if (position > newest) newest = position
        last.set(assistant_id, mark)
        acknowledged.push(mark)
      }
    }),
  )
  load.catch(() => undefined)
  for (const stream of [BUCKET, FEED]) {
    const leader = await leaderOf(stream)
    await leader.kill()
    const enough = acknowledged.length + COMMANDS_BETWEEN
    await until(
      `commands without the leader of ${stream}`,
      PROGRESS_DEADLINE_MS,
      () => acknowledged.length,
      (count) => count >= enough,
    )
    await leader.restart()
  }
  underLoad = false
  await load

  const answered = new Map<string, unknown>()
  for (const assistant_id of ids) {
    const { body } = await ask<Assistant>(connection, 'get', { assistant_id })
    answered.set(assistant_id, { version: body.version, mark: body.context[MARK] })
    expect(body.context[MARK]).toBe(last.get(assistant_id))
  }
  await untilEqual(
    'the runner on what the service answers',
    CONVERGED_DEADLINE_MS,
    () => new Map<string, unknown>(ids.map((id) => [id, held(runner, id)])),
    answered,
  )
  // The feed goes on by itself, and has to be there before the one that publishes it ends.
  await until(
    'the feed up to the newest command',
    CONVERGED_DEADLINE_MS,
    () => readFeed(connection),
    (feed) => (feed.at(-1)?.position ?? 0n) >= newest,
  )
  await registry.stop()
  const events = await readLog(dataDir)
  expectEachOnce(acknowledged, events)
  expectSameOrder(await feedOf(connection, assistantEvents(events).length), events)
}, 300_000)
