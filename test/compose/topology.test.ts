// The topology of the compose files in plain processes: its replicas get ready by its own health check, its users may
// do what they are for, a change reaches its runner; it works on without one of its replicas, and ends in good order.
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { askUntilAcknowledged, type Keyed } from '../faults/commands.js'
import { until } from '../faults/until.js'
import { BASE, CLUSTER } from './compose.js'
import type { Program } from './programs.js'
import { startTopology, type Topology } from './topology.js'
import { makeVariables } from './variables.js'

jest.setTimeout(240_000)

const HEALTHY_DEADLINE_MS = 60_000
const LIVE_DEADLINE_MS = 60_000
const REPLICAS = ['registry-1', 'registry-2'] as const

const variables = makeVariables()
let topology: Topology
let commander: NatsConnection
const running = new Map<string, Program>()

const start = (name: string) => running.set(name, topology.start(name))
const program = (name: string) => running.get(name) as Program

const untilHealthy = (name: string) =>
  until(
    `${name} to be healthy`,
    HEALTHY_DEADLINE_MS,
    () => ({ healthy: topology.isHealthy(name), said: running.get(name)?.said() }),
    ({ healthy }) => healthy,
  )

/** Sends a command and expects that its change reaches the one runner that there is. */
async function change(verb: 'create' | 'update', key: string, content: object): Promise<string> {
  const command: Keyed = { verb, key, body: { ...content, context: { model: key } } }
  const { body } = await askUntilAcknowledged(commander, command)
  await program('runner').untilSaid(`"assistant_id":"${body.assistant_id}"`, LIVE_DEADLINE_MS)
  return body.assistant_id
}

/** Changes the assistant, and asks under the same key until its receipt is complete. */
async function expectReceipt(assistant_id: string, key: string): Promise<void> {
  const body = { assistant_id, context: { model: key }, wait: 'converged', wait_ms: 1_500 }
  const { answer } = await until(
    `a receipt for ${key}`,
    LIVE_DEADLINE_MS,
    async () => {
      const { body: answered } = await askUntilAcknowledged(commander, { verb: 'update', key, body })
      return (answered as { receipt?: { converged: boolean; of: number } }).receipt
    },
    (receipt) => receipt?.converged === true && receipt.of === 1,
  )
  expect(answer).toMatchObject({ active: 1, of: 1, rejected: [], lagging: [] })
}

let assistant: string

describe.each([
  ['docker-compose.yml', [BASE]],
  ['with compose.cluster.yml over it', [BASE, CLUSTER]],
])('%s', (_, files) => {
  beforeAll(async () => {
    topology = await startTopology(files, variables)
    for (const name of [...REPLICAS, 'runner']) start(name)
    commander = await connect({
      servers: [...topology.natsServers],
      user: 'commander',
      pass: variables.COMMANDER_PASSWORD as string,
      inboxPrefix: '_INBOX_commander',
      maxReconnectAttempts: -1,
    })
  })
  afterAll(async () => {
    await commander?.close()
    await topology?.end()
  })

  test('both replicas are healthy, and a change by the commander is on the runner, with its receipt', async () => {
    for (const name of REPLICAS) await untilHealthy(name)
    await program('runner').untilSaid('"event":"live"', LIVE_DEADLINE_MS)
    assistant = await change('create', 'model-1', { graph_id: 'writer' })
    await expectReceipt(assistant, 'model-2')
  })

  test.each(REPLICAS)('without %s the other goes on; started again, it is healthy', async (name) => {
    await program(name).kill()
    expect(topology.isHealthy(name)).toBe(false)
    await expectReceipt(assistant, `without-${name}`)
    start(name)
    await untilHealthy(name)
  })

  if (files.includes(CLUSTER))
    test('without one of the NATS servers it goes on', async () => {
      await topology.killNats('nats')
      await expectReceipt(assistant, 'without-nats')
    })

  test('each ends in good order within its grace period when it is told to', async () => {
    for (const name of ['runner', ...REPLICAS]) {
      const grace = topology.graceOf(name)
      expect({ name, code: await program(name).stop(grace), said: program(name).said() }).toMatchObject({
        name,
        code: 0,
      })
    }
  })
})
